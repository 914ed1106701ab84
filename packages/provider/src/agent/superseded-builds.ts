import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Clock, ModelInfo } from "@umbel/protocol";
import { z } from "zod";
import type { LocalModel, ModelStore } from "../models/model-store.js";
import type { Logger } from "../session/types.js";

/** So long files stay of which others have taken the place: until then a rollback fetches nothing. Source: catalog.md §18. */
export const SUPERSEDED_ms = 24 * 3_600_000;
export const SUPERSEDED_SWEEP_ms = 3_600_000;

const NOTES_FILE = "superseded.json";
const notesForm = z.object({ builds: z.record(z.string(), z.iso.datetime()) });
type Notes = z.infer<typeof notesForm>["builds"];

export interface SupersededParts {
  /** The provider's home. */
  readonly home: string;
  readonly store: Pick<ModelStore, "listVersions" | "removeVersion">;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info">;
  /** What the machine offers now. */
  readonly offered: () => readonly ModelInfo[];
  /** Builds that are to be offered. */
  readonly wanted: () => readonly string[];
}

/**
 * Removes what others have taken the place of: builds that a name no longer stands for, and older versions of a build. Nothing that was used since,
 * that is offered or wanted, or that the owner has downloaded by name.
 */
export class SupersededBuilds {
  readonly #parts: SupersededParts;
  /** One writer after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: SupersededParts) {
    this.#parts = parts;
  }

  /** The build's name stands for another now, and that one is here. */
  displaced(build: string): Promise<void> {
    return this.#inTurn(async () => {
      const notes = await this.#read();
      if (!Object.hasOwn(notes, build)) await this.#write({ ...notes, [build]: this.#parts.clock.date().toISOString() });
    });
  }

  /** Removes what may go. @returns ids of what was removed */
  sweep(): Promise<readonly string[]> {
    return this.#inTurn(() => this.#sweep());
  }

  async #sweep(): Promise<readonly string[]> {
    const { store, clock, logger, offered, wanted } = this.#parts;
    const before_ms = clock.date().getTime() - SUPERSEDED_ms;
    const isOld = (at: string): boolean => new Date(at).getTime() <= before_ms;
    const inUse = new Set([...wanted(), ...offered().map(({ id }) => id)]);
    // What is offered or wanted again has not been displaced.
    const notes = Object.fromEntries(Object.entries(await this.#read()).filter(([build]) => !inUse.has(build)));
    const versions = await store.listVersions();
    const latest = new Map(versions.map((model) => [model.info.id, model]));
    const offeredHashes = new Set(offered().map(({ weight_hash }) => weight_hash));
    const mayGo = (model: LocalModel): boolean => {
      const { info, isStored, isPinned, used_at } = model;
      if (!isStored || isPinned || offeredHashes.has(info.weight_hash)) return false;
      const newer = latest.get(info.id);
      if (newer !== undefined && newer !== model) return isOld(newer.takenIn_at);
      const since = notes[info.id];
      return since !== undefined && isOld(since) && isOld(used_at);
    };
    const removed: string[] = [];
    for (const model of versions.filter(mayGo)) {
      await store.removeVersion(model);
      const { id } = model.info;
      removed.push(id);
      logger.info({ build: id, version: model.manifest.version }, "a build was removed that another has taken the place of");
    }
    const here = new Set(versions.filter((model) => !mayGo(model)).map(({ info }) => info.id));
    await this.#write(Object.fromEntries(Object.entries(notes).filter(([build]) => here.has(build))));
    return removed;
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #read(): Promise<Notes> {
    try {
      return notesForm.parse(JSON.parse(await readFile(this.#file, "utf8"))).builds;
    } catch {
      // Without notes, or with ones that nobody can read, everything stays.
      return {};
    }
  }

  async #write(builds: Notes): Promise<void> {
    if (JSON.stringify(builds) === JSON.stringify(await this.#read())) return;
    await mkdir(this.#parts.home, { recursive: true });
    const draft = `${this.#file}.new`;
    await writeFile(draft, JSON.stringify({ builds }), { mode: 0o600 });
    await rename(draft, this.#file);
  }

  get #file(): string {
    return path.join(this.#parts.home, NOTES_FILE);
  }
}
