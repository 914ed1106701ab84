import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@umbel/protocol/native";
import { afterAll, beforeAll, expect, it } from "vitest";
import { storeLayout } from "./disk/store-layout.js";
import { smallLlama, writeGguf } from "./gguf/testing/index.js";
import { createModelLibrary } from "./model-library.js";
import { type CatalogServer, startCatalogServer } from "./testing/catalog-server.js";
import { verifyModel } from "./verify-model.js";

const program = fileURLToPath(new URL("./testing/fetch-and-die.mjs", import.meta.url));
const bytes = writeGguf({ metadata: smallLlama, data_bytes: 6_000_000 });
/** Every step takes a process of its own; all of them are tried with UMBEL_KILL_STEPS=all. */
const stride = process.env["UMBEL_KILL_STEPS"] === "all" ? 1 : 3;
let server: CatalogServer;
let root: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "umbel-install-"));
  server = await startCatalogServer();
  await server.publish({ id: "oak", version: "1", files: [{ path: "m.gguf", bytes }] });
  await server.publish({ id: "bonsai", version: "1", files: [{ path: "m.gguf", bytes: bytes.subarray(0, 100_000) }] });
});
afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

/** How a process ends that dies at a place of its own choosing. */
async function die(home: string, build: string, when: "bytes" | "step", at: number): Promise<"killed" | "done"> {
  const child = spawn(process.execPath, [program, home, server.url, build, when, String(at)], { stdio: "inherit" });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the program failed with ${code}`);
  return signal === "SIGKILL" ? "killed" : "done";
}

const sentSince = (before: number) =>
  server.requests.slice(before).reduce((sum, request) => sum + (request.path.startsWith("/files/") ? request.sent_bytes : 0), 0);
const open = (home: string) => createModelLibrary({ home, coordinatorUrl: server.url, clock: systemClock });
const fetchBuild = (home: string, build: string) => open(home).fetchModel(build, { signal: new AbortController().signal, mode: "owner" });

it("goes on after it was killed in the middle, and fetches again no more than the journal may lag behind", async () => {
  const home = path.join(root, "bytes");
  expect(await die(home, "oak", "bytes", 4_000_000)).toBe("killed");
  expect(await open(home).store.listModels()).toEqual([]);
  const before = server.requests.length;
  const model = await fetchBuild(home, "oak");
  await verifyModel(model.manifest, model.directory);
  expect(sentSince(before)).toBeLessThan(bytes.length - 4_000_000 + 2 ** 20 + 200_000);
});

it("takes from other versions the files that they have, whole ones only, and each version goes by itself", async () => {
  const home = path.join(root, "reuse");
  const first = await fetchBuild(home, "oak");
  const more = [
    { path: "m.gguf", bytes },
    { path: "mmproj-a.gguf", bytes: bytes.subarray(0, 5_000) },
  ];
  await server.publish({ id: "oak-at-1", version: "1", files: more });
  let before = server.requests.length;
  const second = await fetchBuild(home, "oak-at-1");
  await verifyModel(second.manifest, second.directory);
  expect(sentSince(before)).toBe(5_000);
  await open(home).store.removeModel("oak");
  await verifyModel(second.manifest, second.directory);
  await expect(verifyModel(first.manifest, first.directory)).rejects.toThrow();
  await appendFile(path.join(second.directory, "mmproj-a.gguf"), "x");
  await truncate(path.join(second.directory, "m.gguf"), 5_000_000);
  before = server.requests.length;
  const again = await fetchBuild(home, "oak");
  await verifyModel(again.manifest, again.directory);
  expect(sentSince(before)).toBe(bytes.length);
});

it("is whole or absent whenever it is killed while it publishes, and is never fetched again", async () => {
  let isDone = false;
  let killed = 0;
  const tryStep = async (step: number): Promise<void> => {
    const home = path.join(root, `step-${step}`);
    if ((await die(home, "bonsai", "step", step)) === "done") {
      isDone = true;
      return;
    }
    killed++;
    for (const model of await open(home).store.listModels()) await verifyModel(model.manifest, model.directory);
    const before = server.requests.length;
    const model = await fetchBuild(home, "bonsai");
    await verifyModel(model.manifest, model.directory);
    expect(sentSince(before)).toBe(0);
    expect(await readdir(storeLayout({ home }).staging)).toEqual([]);
    await rm(home, { recursive: true });
  };
  for (let step = 1; !isDone; step += stride) await tryStep(step);
  expect(killed).toBeGreaterThanOrEqual(10 / stride);
}, 60_000);
