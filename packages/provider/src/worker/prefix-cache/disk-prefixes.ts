import { createHmac, randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import { commonPrefix } from "../../engine/common-prefix.js";
import type { FetchedPrefix, KeptPrefix, Prefix, PrefixStore } from "../../engine/prefix-store.js";
import { PREFIX_CACHE_LIMITS } from "./limits.js";
import type { Scratch } from "./scratch.js";
import { openSealedFile, type SealedFile, sealedSize_bytes, sealFile } from "./sealed-file.js";

export interface DiskPrefixesOptions {
  /** For this process alone, and empty. */
  readonly directory: string;
  /** What all files may take together. */
  readonly bytes_max: number;
  /** One for states that go, one for states that come. */
  readonly scratch: { readonly out: Scratch; readonly back: Scratch };
  readonly clock: Clock;
}

interface Entry extends Prefix, SealedFile {
  /** Weights and form of the state. */
  readonly model: string;
  readonly file_bytes: number;
  usedAt_ms: number;
}

/**
 * States of prompts on the disk, encrypted. The key is drawn with the process and never leaves it, so that files mean nothing to anybody once
 * it has ended, nor to the agent before. What is where is known in memory only: a file's name is a keyed hash and tells nothing.
 */
export class DiskPrefixes {
  readonly #options: DiskPrefixesOptions;
  readonly #key = randomBytes(32);
  /** Unused longest first. */
  readonly #entries = new Map<string, Entry>();
  #held_bytes = 0;
  #isKeeping = false;
  #writing: Promise<void> = Promise.resolve();
  #cancelSweep: () => void = () => undefined;
  #fetching: Promise<unknown> = Promise.resolve();

  constructor(options: DiskPrefixesOptions) {
    this.#options = options;
    this.#sweep();
  }

  /** What all files take together, one that is being written included. */
  get held_bytes(): number {
    return this.#held_bytes;
  }

  /** @param model whatever makes a state useless to another: weights and type of cache */
  of(model: string): PrefixStore {
    const { tokens_min, state_bytes_max } = PREFIX_CACHE_LIMITS;
    return {
      tokens_min,
      state_bytes_max: Math.min(state_bytes_max, this.#options.bytes_max),
      keep: (prefix, save) => this.#keep(model, prefix, save),
      settled: () => this.#writing,
      find: (prompt, known_tokens) => this.#find(model, prompt, known_tokens),
    };
  }

  /** The model is not offered any more. */
  async forget(model: string): Promise<void> {
    await this.#discard([...this.#entries.values()].filter((entry) => entry.model === model));
  }

  /** The key goes with this object, and with it everything that was kept. */
  async close(): Promise<void> {
    this.#cancelSweep();
    await this.#writing;
    await this.#discard([...this.#entries.values()]);
    this.#options.scratch.out.close();
    this.#options.scratch.back.close();
  }

  async #keep(model: string, prefix: Prefix, save: (path: string) => Promise<unknown>): Promise<void> {
    if (this.#isKeeping || prefix.tokens.length < PREFIX_CACHE_LIMITS.tokens_min) return;
    const alike = [...this.#entries.values()].filter((entry) => entry.model === model && entry.scope === prefix.scope);
    const whole = alike.find(({ tokens }) => isBeginning(prefix.tokens, tokens));
    if (whole !== undefined) {
      this.#use(whole);
      return;
    }
    this.#isKeeping = true;
    const { out } = this.#options.scratch;
    try {
      await save(out.path);
    } catch {
      // Too little memory for a copy, or the engine cannot: the prompt is computed anew when it comes back.
      await this.#kept();
      return;
    }
    // A conversation that goes on replaces what it was.
    const replaced = alike.filter(({ tokens }) => isBeginning(tokens, prefix.tokens));
    this.#writing = this.#write(model, prefix, replaced).finally(() => this.#kept());
  }

  async #write(model: string, { scope, tokens }: Prefix, replaced: readonly Entry[]): Promise<void> {
    const { directory, scratch, clock } = this.#options;
    const state_bytes = scratch.out.size_bytes();
    const file_bytes = sealedSize_bytes(state_bytes);
    if (state_bytes === 0 || state_bytes > PREFIX_CACHE_LIMITS.state_bytes_max) return;
    await this.#discard(replaced);
    if (!(await this.#makeRoom(file_bytes))) return;
    const name = this.#nameOf(model, scope, tokens);
    const entry = { model, scope, tokens, name, location: path.join(directory, `${name}.umkv`), state_bytes, file_bytes, usedAt_ms: 0 };
    this.#held_bytes += file_bytes;
    try {
      await sealFile(entry, this.#key, scratch.out);
      entry.usedAt_ms = clock.now_ms();
      this.#entries.set(name, entry);
    } catch {
      // A full disk costs the entry and nothing else.
      this.#held_bytes -= file_bytes;
    }
  }

  async #kept(): Promise<void> {
    await this.#options.scratch.out.clear().catch(() => undefined);
    this.#isKeeping = false;
  }

  #find(model: string, prompt: Prefix, known_tokens: number): KeptPrefix | undefined {
    let best: Entry | undefined;
    let best_tokens = known_tokens + PREFIX_CACHE_LIMITS.tokens_min - 1;
    for (const entry of this.#entries.values()) {
      if (entry.model !== model || entry.scope !== prompt.scope) continue;
      const shared_tokens = commonPrefix(entry.tokens, prompt.tokens);
      if (shared_tokens > best_tokens) [best, best_tokens] = [entry, shared_tokens];
    }
    const entry = best;
    return entry && { tokens: entry.tokens, fetch: (isWanted) => this.#fetch(entry, isWanted) };
  }

  /** One after another: there is one scratch. */
  #fetch(entry: Entry, isWanted: () => boolean): Promise<FetchedPrefix | undefined> {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fetched = this.#fetching.then(() => this.#open(entry, isWanted));
    const { back } = this.#options.scratch;
    this.#fetching = fetched.then((isThere) => (isThere ? released : undefined)).then(() => back.clear().catch(() => undefined));
    return fetched.then((isThere) => (isThere ? { tokens: entry.tokens, path: back.path, release } : undefined));
  }

  async #open(entry: Entry, isWanted: () => boolean): Promise<boolean> {
    if (!isWanted() || !this.#entries.has(entry.name)) return false;
    try {
      const isThere = await openSealedFile(entry, this.#key, this.#options.scratch.back, isWanted);
      this.#use(entry);
      return isThere;
    } catch {
      await this.#discard([entry]);
      return false;
    }
  }

  #use(entry: Entry): void {
    if (!this.#entries.delete(entry.name)) return;
    entry.usedAt_ms = this.#options.clock.now_ms();
    this.#entries.set(entry.name, entry);
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    const { bytes_max } = this.#options;
    if (bytes > bytes_max) return false;
    for (const entry of this.#entries.values()) {
      if (this.#held_bytes + bytes <= bytes_max && this.#entries.size < PREFIX_CACHE_LIMITS.entries_max) break;
      await this.#discard([entry]);
    }
    return true;
  }

  async #discard(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) {
      if (!this.#entries.delete(entry.name)) continue;
      this.#held_bytes -= entry.file_bytes;
      // What cannot be removed cannot be read either.
      await rm(entry.location, { force: true }).catch(() => undefined);
    }
  }

  #sweep(): void {
    const { clock } = this.#options;
    const oldest_ms = clock.now_ms() - PREFIX_CACHE_LIMITS.unused_ms_max;
    void this.#discard([...this.#entries.values()].filter(({ usedAt_ms }) => usedAt_ms < oldest_ms));
    this.#cancelSweep = clock.setTimer(PREFIX_CACHE_LIMITS.sweep_ms, () => this.#sweep(), "background");
  }

  #nameOf(model: string, scope: string, tokens: Uint32Array): string {
    const hash = createHmac("sha256", this.#key);
    for (const part of ["umbel-prefix-v1", model, scope]) hash.update(`${Buffer.byteLength(part)}:${part}`);
    return hash.update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength)).digest("hex");
  }
}

function isBeginning(beginning: Uint32Array, whole: Uint32Array): boolean {
  return beginning.length <= whole.length && commonPrefix(beginning, whole) === beginning.length;
}
