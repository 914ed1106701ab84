import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RangeServer, startRangeServer } from "../testing/range-server.js";
import { createBandwidth, unlimitedBandwidth } from "./bandwidth.js";
import { downloadFiles } from "./download-files.js";
import { type FetchOptions, fetchFile } from "./fetch-file.js";
import { PartFile } from "./part-file.js";

const bytes = randomBytes(1_000_000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
const size_bytes = bytes.length;
const failure = (code: string) => expect.objectContaining({ name: "DownloadError", code });

let directory: string;
let file: string;
let server: RangeServer;
/** Waits between tries take no time. */
const hastyClock = {
  ...systemClock,
  setTimer: (delay_ms: number, fire: () => void) => systemClock.setTimer(delay_ms < 10_000 ? 0 : delay_ms, fire),
};

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "umbel-fetch-"));
  file = path.join(directory, "m.gguf");
  server = await startRangeServer();
  server.files.set("/m", { bytes, etag: '"1"' });
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const options = (changes: Partial<FetchOptions> = {}): FetchOptions => ({
  transport: { fetch, clock: hastyClock, bandwidth: unlimitedBandwidth },
  signal: new AbortController().signal,
  connections: 3,
  part_bytes: 100_000,
  ...changes,
});
const request = (changes: object = {}) => ({ file, urls: [`${server.url}/m`], size_bytes, sha256, ...changes });
const fetched = () => server.requests.reduce((sum, { sent_bytes }) => sum + sent_bytes, 0);
const served = () => {
  const found = server.files.get("/m");
  if (found === undefined) throw new Error("nothing is served");
  return found;
};

describe("fetching a file", () => {
  it("takes parts over several connections and leaves the whole file only", async () => {
    const seen: number[] = [];
    expect(await fetchFile(request(), options({ onProgress: (done) => seen.push(done) }))).toBe(sha256);
    expect(bytes.equals(await readFile(file))).toBe(true);
    expect(await readdir(directory)).toEqual(["m.gguf"]);
    expect(server.requests.map(({ range }) => range)).toContain("bytes=300000-399999");
    expect(server.requests).toHaveLength(10);
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(size_bytes);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it("goes on where connections broke off, at random places, and fetches again at most what was lost on the way", async () => {
    const cuts = fc.array(fc.nat(120_000), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(cuts, async (places) => {
        await rm(file, { force: true });
        server.requests.length = 0;
        served().cuts = places.map((place) => place + 1);
        await fetchFile(request(), options());
        expect(bytes.equals(await readFile(file))).toBe(true);
        const lost_bytes = places.reduce((sum, place) => sum + place + 1, 0);
        expect(fetched()).toBeLessThanOrEqual(size_bytes + lost_bytes);
      }),
      { numRuns: 12 },
    );
  });

  it("goes on after it was stopped at any point, with what had come", async () => {
    for (const stopAt_bytes of [1, 70_000, 340_000, 999_999]) {
      await rm(file, { force: true });
      server.requests.length = 0;
      const stop = new AbortController();
      const stopped = fetchFile(
        request(),
        options({ signal: stop.signal, onProgress: (done) => done >= stopAt_bytes && stop.abort(new Error("stopped")) }),
      );
      await expect(stopped).rejects.toThrow("stopped");
      const had = await PartFile.open(file, { size_bytes, sha256 }, 100_000);
      const { done_bytes } = had;
      await had.close();
      expect(done_bytes).toBeGreaterThanOrEqual(stopAt_bytes);
      server.requests.length = 0;
      await fetchFile(request(), options());
      expect(fetched()).toBe(size_bytes - done_bytes);
      expect(bytes.equals(await readFile(file))).toBe(true);
    }
  });

  it("fetches again the part that the disk has lost, and only that", async () => {
    const stop = new AbortController();
    await fetchFile(
      request(),
      options({ connections: 1, signal: stop.signal, onProgress: (done) => done > 500_000 && stop.abort() }),
    ).catch(() => undefined);
    const handle = await open(`${file}.part`, "r+");
    await handle.write(Buffer.alloc(10, 1), 0, 10, 250_000);
    await handle.close();
    server.requests.length = 0;
    expect(await fetchFile(request(), options({ connections: 1 }))).toBe(sha256);
    expect(server.requests.at(-1)?.range).toBe("bytes=200000-299999");
    expect(fetched()).toBeLessThan(700_000);
  });

  it("asks the next place for all of it when what came is not what it should be", async () => {
    const corrupt = Buffer.from(bytes);
    corrupt[123_456] = (corrupt[123_456] ?? 0) ^ 1;
    server.files.set("/corrupt", { bytes: corrupt });
    expect(await fetchFile(request({ urls: [`${server.url}/corrupt`, `${server.url}/m`] }), options())).toBe(sha256);
    expect(bytes.equals(await readFile(file))).toBe(true);
  });

  describe("whose parts are known", () => {
    const part_bytes = 100_000;
    const hashOf = (part: Buffer) => createHash("sha256").update(part).digest("hex");
    const parts = {
      size_bytes: part_bytes,
      sha256: Array.from({ length: 10 }, (_, part) => hashOf(bytes.subarray(part * part_bytes, (part + 1) * part_bytes))),
    };
    const spoiled = (place: number): Buffer => {
      const copy = Buffer.from(bytes);
      copy[place] = (copy[place] ?? 0) ^ 1;
      return copy;
    };

    it("finds a wrong byte in its part, and fetches that part alone again, from the next place", async () => {
      server.files.set("/corrupt", { bytes: spoiled(323_456) });
      const seen: number[] = [];
      const urls = [`${server.url}/corrupt`, `${server.url}/m`];
      expect(await fetchFile(request({ urls, parts }), options({ connections: 1, onProgress: (done) => seen.push(done) }))).toBe(sha256);
      expect(bytes.equals(await readFile(file))).toBe(true);
      expect(server.requests.filter(({ range }) => range === "bytes=300000-399999").map(({ path: from }) => from)).toEqual([
        "/corrupt",
        "/m",
      ]);
      expect(fetched()).toBe(size_bytes + part_bytes);
      expect(seen.at(-1)).toBe(size_bytes);
    });

    it("gives up when every place has it wrong, and keeps the other parts for a better one", async () => {
      served().bytes = spoiled(950_000);
      await expect(fetchFile(request({ parts }), options({ connections: 1 }))).rejects.toEqual(failure("hash_mismatch"));
      expect(fetched()).toBe(size_bytes + 2 * part_bytes);
      served().bytes = bytes;
      server.requests.length = 0;
      expect(await fetchFile(request({ parts }), options({ connections: 1 }))).toBe(sha256);
      expect(fetched()).toBe(part_bytes);
    });

    it("believes no part that an earlier program has taken for right", async () => {
      server.files.set("/corrupt", { bytes: spoiled(50_000) });
      const stop = new AbortController();
      const early = options({ connections: 1, signal: stop.signal, onProgress: (done) => done >= 200_000 && stop.abort() });
      await fetchFile(request({ urls: [`${server.url}/corrupt`] }), early).catch(() => undefined);
      server.requests.length = 0;
      expect(await fetchFile(request({ parts }), options({ connections: 1 }))).toBe(sha256);
      expect(server.requests[0]?.range).toBe("bytes=0-99999");
    });

    it("is mended where it lies: of a whole file with a wrong byte only that part is fetched", async () => {
      await writeFile(file, spoiled(777_777));
      const files = [{ path: "m.gguf", size_bytes, sha256, parts, urls: [`${server.url}/m`] }];
      const { transport, signal, connections } = options();
      await downloadFiles(directory, files, { transport, signal, connections, freeDisk_bytes: async () => undefined });
      expect(server.requests.map(({ range }) => range)).toEqual(["bytes=700000-799999"]);
      expect(bytes.equals(await readFile(file))).toBe(true);
    });

    it("comes whole from a server that knows no ranges all the same", async () => {
      served().ignoresRanges = true;
      expect(await fetchFile(request({ parts }), options())).toBe(sha256);
    });
  });

  it("leaves nothing behind when no place has what it should be", async () => {
    served().bytes = randomBytes(size_bytes);
    await expect(fetchFile(request(), options())).rejects.toEqual(failure("hash_mismatch"));
    expect(await readdir(directory)).toEqual([]);
  });

  it("begins anew when the file changes on its server", async () => {
    const stop = new AbortController();
    await fetchFile(
      request({ sha256: undefined }),
      options({ signal: stop.signal, onProgress: (done) => done > 300_000 && stop.abort() }),
    ).catch(() => undefined);
    const other = randomBytes(size_bytes);
    server.files.set("/m", { bytes: other, etag: '"2"' });
    expect(await fetchFile(request({ sha256: undefined }), options())).toBe(createHash("sha256").update(other).digest("hex"));
    expect(server.requests.some(({ ifRange }) => ifRange === '"1"')).toBe(true);
    expect(other.equals(await readFile(file))).toBe(true);
  });

  it("takes the whole file from a server that knows no ranges", async () => {
    served().ignoresRanges = true;
    served().cuts = [400_000, 50_000, 700_000];
    expect(await fetchFile(request(), options())).toBe(sha256);
    expect(bytes.equals(await readFile(file))).toBe(true);
  });

  it("tries again after refusals, as long after as the server says", async () => {
    const waits: number[] = [];
    const clock = {
      ...hastyClock,
      setTimer: (delay_ms: number, fire: () => void) => {
        waits.push(delay_ms);
        return hastyClock.setTimer(delay_ms, fire);
      },
    };
    served().refusals = [{ status: 503, retryAfter_s: 7 }, { status: 500 }];
    await fetchFile(request(), options({ connections: 1, transport: { fetch, clock, bandwidth: unlimitedBandwidth } }));
    expect(waits.filter((delay_ms) => delay_ms === 7000 || delay_ms === 2000)).toEqual([7000, 2000]);
  });

  it("gives up after three tries that brought nothing", async () => {
    served().refusals = Array.from({ length: 9 }, () => ({ status: 502 }));
    await expect(fetchFile(request(), options({ connections: 1 }))).rejects.toEqual(failure("unreachable"));
    expect(server.requests).toHaveLength(3);
  });

  it.each([
    [404, "not_found"],
    [403, "not_found"],
  ])("does not try again after %d", async (status, code) => {
    served().refusals = Array.from({ length: 9 }, () => ({ status }));
    await expect(fetchFile(request(), options({ connections: 1 }))).rejects.toEqual(failure(code));
    expect(server.requests).toHaveLength(1);
  });

  it("refuses a file of another size", async () => {
    await expect(fetchFile(request({ size_bytes: size_bytes + 1 }), options())).rejects.toEqual(failure("size_mismatch"));
  });

  it("refuses addresses that are not encrypted, also when redirected there", async () => {
    await expect(fetchFile(request({ urls: ["ftp://example.org/m"] }), options())).rejects.toEqual(failure("address_refused"));
    const redirected: typeof fetch = async (url, init) =>
      Object.defineProperty(await fetch(url, init), "url", { value: "http://example.org/m" });
    const transport = { fetch: redirected, clock: hastyClock, bandwidth: unlimitedBandwidth };
    await expect(fetchFile(request(), options({ transport }))).rejects.toEqual(failure("address_refused"));
  });

  it("notices a server that has stopped sending", async () => {
    const clock = createFakeClock();
    const stalled: typeof fetch = async () =>
      new Response(new ReadableStream({}), { status: 206, headers: { "content-range": `bytes 0-99999/${size_bytes}` } });
    const outcome = fetchFile(
      request(),
      options({ connections: 1, transport: { fetch: stalled, clock, bandwidth: unlimitedBandwidth } }),
    ).catch((error: unknown) => error);
    const settled = Symbol();
    // Between its waits it reads and writes real files, which take as many turns as they take.
    do await clock.advance(1000);
    while ((await Promise.race([outcome, new Promise((resolve) => setImmediate(() => resolve(settled)))])) === settled);
    expect(await outcome).toEqual(failure("unreachable"));
  });

  it("says that the disk is full and keeps what has come", async () => {
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC", syscall: "write" });
    const handle = await PartFile.open(file, { size_bytes, sha256 }, 100_000);
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const take = prototype.take;
    let writes = 0;
    prototype.take = async function (this: PartFile) {
      const writer = await take.call(this);
      if (writer === undefined) return undefined;
      return Object.create(writer, {
        write: { value: async (chunk: Uint8Array) => (++writes > 3 ? Promise.reject(full) : writer.write(chunk)) },
      });
    };
    try {
      await expect(fetchFile(request(), options({ connections: 1 }))).rejects.toEqual(failure("no_space"));
    } finally {
      prototype.take = take;
    }
    expect((await stat(`${file}.part`)).size).toBeGreaterThan(0);
    expect(await fetchFile(request(), options())).toBe(sha256);
    expect(fetched()).toBeLessThan(2 * size_bytes);
  });

  it("keeps to its share of the network", async () => {
    const clock = createFakeClock();
    const bandwidth = createBandwidth(1000, clock);
    const { signal } = new AbortController();
    let done = 0;
    for (let turn = 0; turn < 4; turn++) void bandwidth.take(500, signal).then(() => done++);
    await clock.advance(1000);
    expect(done).toBe(2);
    await clock.advance(1000);
    expect(done).toBe(4);
  });
});

describe("fetching a set of files", () => {
  const wanted = () => [{ path: "sub/m.gguf", size_bytes, sha256, urls: [`${server.url}/m`] }];
  const quiet = () => {
    const { onProgress: _, ...rest } = options();
    return rest;
  };

  it("keeps what is there, and fetches anew what is damaged", async () => {
    await downloadFiles(directory, wanted(), quiet());
    server.requests.length = 0;
    expect(await downloadFiles(directory, wanted(), quiet())).toEqual([{ path: "sub/m.gguf", sha256 }]);
    expect(server.requests).toEqual([]);
    const handle = await open(path.join(directory, "sub/m.gguf"), "r+");
    await handle.write(Buffer.alloc(1, (bytes[5] ?? 0) ^ 1), 0, 1, 5);
    await handle.close();
    await downloadFiles(directory, wanted(), quiet());
    expect(bytes.equals(await readFile(path.join(directory, "sub/m.gguf")))).toBe(true);
  });

  it("fetches nothing when there is no room, and says how much is lacking", async () => {
    const outcome = downloadFiles(directory, wanted(), { ...quiet(), freeDisk_bytes: async () => 2 ** 30 });
    await expect(outcome).rejects.toThrow("the disk has 1.07 GB free, and 0.00 GB are to be fetched while 1.07 GB stay free");
    expect(server.requests).toEqual([]);
  });

  it("refuses a path that leaves the folder", async () => {
    const outside = wanted().map((entry) => ({ ...entry, path: "../m" }));
    await expect(downloadFiles(directory, outside, quiet())).rejects.toMatchObject({ code: "unsafe_path" });
  });
});
