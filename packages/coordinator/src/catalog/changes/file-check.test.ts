import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createManifest } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, describe, expect, it, vi } from "vitest";
import { createBlobStore, type FileSources } from "../index.js";
import { createFileCheck, HASHED_bytes_max } from "./file-check.js";

const directory = mkdtempSync(path.join(tmpdir(), "umbel-files-"));
afterAll(() => rmSync(directory, { recursive: true }));

const clock = createFakeClock(new Date(0));
const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
const manifestOf = (name: string, content: string, size_bytes = content.length) =>
  createManifest({
    modelId: "oak",
    version: "1",
    files: [{ path: name, size_bytes, sha256: sha256(content), role: "weight" }],
    createdAt: new Date(0),
  });
const small = manifestOf("m.gguf", "weights");
const large = manifestOf("m.gguf", "weights", HASHED_bytes_max);
const at = (...origins: string[]): FileSources => ({ origins, fileUrls: {} });

/** A network of these answers, by host. */
function network(answers: Record<string, (signal?: AbortSignal | null) => Response>, depth: "small_files" | "all_files" = "small_files") {
  const asked: string[] = [];
  const check = createFileCheck({
    blobs: createBlobStore(directory, new Map()),
    origins: [],
    clock,
    depth,
    fetch: async (url, { method, signal } = {}) => {
      const { host } = new URL(String(url));
      asked.push(`${method} ${host}`);
      const answer = answers[host];
      if (answer === undefined) throw new TypeError("fetch failed");
      return answer(signal);
    },
  });
  return { check, asked };
}
const sized = (length: number) => () => new Response(null, { headers: { "content-length": String(length) } });

describe("the files of a version", () => {
  it("may be at any of the places, and small ones are read", async () => {
    const { check, asked } = network({ "b.example": () => new Response("weights") });
    expect(await check(small, at("https://a.example", "https://b.example"))).toEqual([]);
    expect(asked).toEqual(["GET a.example", "GET b.example"]);
  });

  it("are asked for their size where they are large", async () => {
    const { check, asked } = network({ "a.example": sized(HASHED_bytes_max), "b.example": sized(1) });
    expect(await check(large, at("https://a.example"))).toEqual([]);
    expect(await check(large, at("https://b.example"))).toMatchObject([
      { path: "m.gguf", problem: expect.stringContaining("has 1 bytes") },
    ]);
    expect(asked).toEqual(["HEAD a.example", "HEAD b.example"]);
  });

  it.each([
    ["nowhere", at(), "no place"],
    ["silent", at("https://silent.example"), "does not answer"],
    ["absent", at("https://absent.example"), "status 404"],
    ["other", at("https://other.example"), "another SHA-256"],
    ["longer", at("https://longer.example"), "more than the 7 bytes"],
  ])("are refused when they are %s", async (_, sources, problem) => {
    const { check } = network({
      "absent.example": () => new Response("", { status: 404 }),
      "other.example": () => new Response("weight!"),
      "longer.example": () => new Response("weights and more"),
    });
    expect(await check(small, sources)).toEqual([{ path: "m.gguf", problem: expect.stringContaining(problem) }]);
  });

  it("are all read where that is asked for, however large, for as long as bytes come", async () => {
    let send: (text: string) => void = () => undefined;
    const slow = (signal?: AbortSignal | null) =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            signal?.addEventListener("abort", () => controller.error(signal.reason));
            send = (text) => controller.enqueue(new TextEncoder().encode(text));
          },
        }),
      );
    const { check, asked } = network({ "a.example": slow }, "all_files");
    const checked = check(large, at("https://a.example"));
    await vi.waitFor(() => expect(asked).toEqual(["GET a.example"]), 20_000);
    send("some bytes");
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1), 20_000);
    await clock.advance(600_000);
    expect(await checked).toMatchObject([{ problem: expect.stringContaining("does not answer in time") }]);
    const whole = network({ "a.example": () => new Response("WEIGHTS") }, "all_files");
    expect(await whole.check(large, at("https://a.example"))).toMatchObject([{ problem: expect.stringContaining("another SHA-256") }]);
  });

  it("may lie with the coordinator", async () => {
    writeFileSync(path.join(directory, "m.gguf"), "weights");
    const bundled = new Map([[small.prefix, directory]]);
    const check = createFileCheck({ blobs: createBlobStore(directory, bundled), origins: [], clock });
    expect(await check(small, at())).toEqual([]);
    expect(await check(manifestOf("m.gguf", "WEIGHTS"), at())).toMatchObject([{ problem: expect.stringContaining("another SHA-256") }]);
  });
});
