import { randomBytes } from "node:crypto";
import { copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DiskPrefixes } from "./disk-prefixes.js";
import { PREFIX_CACHE_LIMITS } from "./limits.js";
import { openScratch } from "./scratch.js";
import { sealedSize_bytes } from "./sealed-file.js";

const MIB = 2 ** 20;
const wanted = () => true;
let clock: FakeClock;
let directory: string;
let prefixes: DiskPrefixes;
let store: ReturnType<DiskPrefixes["of"]>;

function open(bytes_max: number): void {
  const scratch = (name: string) => openScratch(`/dev/shm/umbel-test-${randomBytes(8).toString("hex")}-${name}`);
  prefixes = new DiskPrefixes({ directory, bytes_max, scratch: { out: scratch("out"), back: scratch("back") }, clock });
  store = prefixes.of("weights");
}

beforeEach(async () => {
  clock = createFakeClock();
  directory = await mkdtemp(path.join(tmpdir(), "umbel-prefixes-"));
  open(64 * MIB);
});
afterEach(async () => {
  await prefixes.close();
  await rm(directory, { recursive: true, force: true });
});

const tokensFrom = (first: number, length = 300) => Uint32Array.from({ length }, (_, i) => first + i);

async function keep(scope: string, tokens: Uint32Array, state: Uint8Array, into = store): Promise<void> {
  await into.keep({ scope, tokens }, (file) => writeFile(file, state));
  await into.settled();
}

async function bringBack(scope: string, tokens: Uint32Array, from = store): Promise<Buffer | undefined> {
  const fetched = await from.find({ scope, tokens }, 0)?.fetch(wanted);
  const state = fetched && (await readFile(fetched.path));
  fetched?.release();
  return state;
}

const files = async () => (await readdir(directory)).map((name) => path.join(directory, name));

describe.skipIf(process.platform !== "linux")("what is kept of prompts on the disk", () => {
  it("comes back as it was, over several chunks, for a prompt that begins alike", async () => {
    const state = randomBytes(2 * MIB + 12_345);
    await keep("a", tokensFrom(1), state);
    const longer = Uint32Array.of(...tokensFrom(1), 7, 8, 9);
    expect((await bringBack("a", longer))?.equals(state)).toBe(true);
    expect((await bringBack("a", longer))?.equals(state)).toBe(true);
  });

  it("is nothing to another scope or another model", async () => {
    await keep("a", tokensFrom(1), randomBytes(100));
    expect(store.find({ scope: "b", tokens: tokensFrom(1) }, 0)).toBeUndefined();
    expect(prefixes.of("other weights").find({ scope: "a", tokens: tokensFrom(1) }, 0)).toBeUndefined();
  });

  it("is found only where it is much more than what is known already", async () => {
    await keep("a", tokensFrom(1, 600), randomBytes(100));
    const { tokens_min } = PREFIX_CACHE_LIMITS;
    expect(store.find({ scope: "a", tokens: tokensFrom(1, 600) }, 600 - tokens_min)).toBeDefined();
    expect(store.find({ scope: "a", tokens: tokensFrom(1, 600) }, 601 - tokens_min)).toBeUndefined();
    expect(store.find({ scope: "a", tokens: tokensFrom(1, tokens_min - 1) }, 0)).toBeUndefined();
  });

  it("says nothing in files or their names, and the same text looks different every time", async () => {
    const canary = "the canary sings in plain text, forty times over ".repeat(40);
    await keep("scope-of-alice", tokensFrom(70_000), Buffer.from(canary));
    await keep("scope-of-bob", tokensFrom(70_000), Buffer.from(canary));
    const contents = await Promise.all((await files()).map(async (file) => Buffer.concat([await readFile(file), Buffer.from(file)])));
    expect(contents).toHaveLength(2);
    for (const bytes of contents) {
      expect(bytes.includes("canary")).toBe(false);
      expect(bytes.includes("alice")).toBe(false);
      expect(bytes.includes("weights")).toBe(false);
      expect(bytes.includes(Buffer.from(tokensFrom(70_000, 2).buffer))).toBe(false);
    }
    expect(contents[0]?.subarray(24, 1000)).not.toEqual(contents[1]?.subarray(24, 1000));
    expect(await readdir("/dev/shm")).not.toContainEqual(expect.stringContaining("umbel-test-"));
  });

  it("is thrown away when a byte was changed, it was cut short, or changed places with another", async () => {
    const damages: ((file: string, other: string) => Promise<void>)[] = [
      async (file) => {
        const bytes = await readFile(file);
        bytes[bytes.length - 20] = (bytes.at(-20) ?? 0) ^ 1;
        await writeFile(file, bytes);
      },
      (file) => truncate(file, sealedSize_bytes(MIB)),
      (file) => truncate(file, 3),
      (file) => rm(file),
      (file, other) => copyFile(other, file),
    ];
    for (const damage of damages) {
      await keep("a", tokensFrom(1), randomBytes(2 * MIB));
      const [file = ""] = await files();
      await keep("b", tokensFrom(1), randomBytes(2 * MIB));
      const other = (await files()).find((name) => name !== file) ?? "";
      await damage(file, other);
      expect(await bringBack("a", tokensFrom(1))).toBeUndefined();
      expect(store.find({ scope: "a", tokens: tokensFrom(1) }, 0)).toBeUndefined();
      expect(await files()).toEqual([other]);
      await rm(other);
      expect(await bringBack("b", tokensFrom(1))).toBeUndefined();
      expect(prefixes.held_bytes).toBe(0);
    }
  });

  it("takes no more than it may: what was unused longest goes first", async () => {
    await prefixes.close();
    open(2 * sealedSize_bytes(MIB));
    await keep("a", tokensFrom(1), randomBytes(MIB));
    await keep("b", tokensFrom(1), randomBytes(MIB));
    expect(await bringBack("a", tokensFrom(1))).toBeDefined();
    await keep("c", tokensFrom(1), randomBytes(MIB));
    expect(await files()).toHaveLength(2);
    expect(await bringBack("b", tokensFrom(1))).toBeUndefined();
    expect(await bringBack("a", tokensFrom(1))).toBeDefined();
    await keep("d", tokensFrom(1), randomBytes(3 * MIB));
    expect(store.find({ scope: "d", tokens: tokensFrom(1) }, 0)).toBeUndefined();
    expect(prefixes.held_bytes).toBe(2 * sealedSize_bytes(MIB));
  });

  it("replaces a conversation by what became of it, and keeps no beginning of what it has", async () => {
    await keep("a", tokensFrom(1, 300), randomBytes(10));
    const whole = randomBytes(20);
    await keep("a", tokensFrom(1, 400), whole);
    await keep("a", tokensFrom(1, 350), randomBytes(15));
    expect(await files()).toHaveLength(1);
    expect(await bringBack("a", tokensFrom(1, 300))).toEqual(whole);
  });

  it("leaves out short prompts, states that are too large, and those that come while another is being written", async () => {
    await keep("a", tokensFrom(1, PREFIX_CACHE_LIMITS.tokens_min - 1), randomBytes(10));
    await store.keep({ scope: "b", tokens: tokensFrom(1) }, async (file) => {
      await writeFile(file, "");
      await truncate(file, PREFIX_CACHE_LIMITS.state_bytes_max + 1);
    });
    await store.settled();
    expect(await files()).toEqual([]);
    await store.keep({ scope: "c", tokens: tokensFrom(1) }, (file) => writeFile(file, randomBytes(MIB)));
    await store.keep({ scope: "d", tokens: tokensFrom(1) }, () => Promise.reject(new Error("is not asked for")));
    await store.settled();
    expect(await files()).toHaveLength(1);
  });

  it("goes on when the engine cannot save or the disk takes nothing", async () => {
    await store.keep({ scope: "a", tokens: tokensFrom(1) }, () => Promise.reject(new Error("no memory")));
    await rm(directory, { recursive: true });
    await keep("a", tokensFrom(1), randomBytes(10));
    expect(store.find({ scope: "a", tokens: tokensFrom(1) }, 0)).toBeUndefined();
    expect(prefixes.held_bytes).toBe(0);
  });

  it("is forgotten when nobody used it for an hour, or its model is withdrawn", async () => {
    await keep("a", tokensFrom(1), randomBytes(10));
    await keep("b", tokensFrom(1), randomBytes(10));
    await keep("b", tokensFrom(1), randomBytes(10), prefixes.of("other"));
    await clock.advance(PREFIX_CACHE_LIMITS.unused_ms_max - 1000);
    expect(await bringBack("a", tokensFrom(1))).toBeDefined();
    await clock.advance(2 * PREFIX_CACHE_LIMITS.sweep_ms);
    expect(await bringBack("a", tokensFrom(1))).toBeDefined();
    expect(await bringBack("b", tokensFrom(1))).toBeUndefined();
    await prefixes.forget("weights");
    expect(prefixes.held_bytes).toBe(0);
  });

  it("ends a fetch that nobody wants any more, and lets the next one come when the file in memory is free", async () => {
    const state = randomBytes(2 * MIB);
    await keep("a", tokensFrom(1), state);
    const kept = store.find({ scope: "a", tokens: tokensFrom(1) }, 0);
    let looks = 0;
    expect(await kept?.fetch(() => looks++ < 1)).toBeUndefined();
    const first = await kept?.fetch(wanted);
    let isSecondThere = false;
    const second = kept?.fetch(wanted).then((fetched) => {
      isSecondThere = true;
      return fetched;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSecondThere).toBe(false);
    first?.release();
    (await second)?.release();
    expect(isSecondThere).toBe(true);
  });
});
