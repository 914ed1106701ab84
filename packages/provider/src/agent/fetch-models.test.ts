import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PrefetchModelStatus } from "@umbel/protocol";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createModelStore, type ProviderAgent } from "../index.js";
import { type CatalogServer, smallLlama, startCatalogServer, writeGguf } from "../models/testing/index.js";
import { type CoordinatorStub, type StubConnection, startCoordinatorStub } from "../session/testing/index.js";
import { chatOf, scriptedModel, sealChat, workerEntry } from "../worker/testing/index.js";
import { createProviderAgent } from "./provider-agent.js";

let home: string;
let catalog: CatalogServer;
let stub: CoordinatorStub;
let agent: ProviderAgent;
let connection: StubConnection;
let encryptionKey: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-fetch-models-"));
  catalog = await startCatalogServer();
  stub = await startCoordinatorStub("auto", () => new Date(), catalog.http);
  const silent = () => undefined;
  agent = createProviderAgent(
    { coordinatorUrl: stub.url, home, models: [{ info: { ...scriptedModel, id: "old" } }], engine: { kind: "scripted", script: {} } },
    { logger: { debug: silent, info: silent, warn: silent, error: silent }, workerEntry },
  );
  const [registration] = await Promise.all([stub.nextRegistration(), agent.start()]);
  connection = registration.connection;
  encryptionKey = registration.register.encryption_key;
});
afterEach(async () => {
  await agent.stop();
  await stub.close();
  await catalog.close();
  await rm(home, { recursive: true });
});

const publish = (id: string, version = "1", data_bytes = 3_000_000) =>
  catalog.publish({ id, version, files: [{ path: "m.gguf", bytes: writeGguf({ metadata: smallLlama, data_bytes }) }] });
const stored = async () => (await createModelStore({ home }).listVersions()).map(({ info }) => info.id);

/** Reports of one build up to its end. */
async function reportsOf(build: string): Promise<PrefetchModelStatus[]> {
  const reports: PrefetchModelStatus[] = [];
  for (;;) {
    const report = await connection.next("prefetch_model_status");
    if (report.model_id !== build) continue;
    reports.push(report);
    if (report.status === "verified" || report.status === "failed") return reports;
  }
}

describe("a provider that is to have a build", () => {
  it("fetches it with reports on the way, offers it, and serves it", async () => {
    const { weight_hash, total_size_bytes } = await publish("oak");
    connection.send({ type: "prefetch_model", model_id: "oak", priority: 1 });
    const reports = await reportsOf("oak");
    expect(reports[0]).toMatchObject({ status: "started" });
    expect(reports.find(({ status }) => status === "downloading")).toMatchObject({ bytes_total: total_size_bytes });
    expect(reports.at(-1)).toEqual({ type: "prefetch_model_status", model_id: "oak", status: "verified" });
    expect((await connection.next("models_update")).models).toMatchObject([{ id: "old" }, { id: "oak", weight_hash }]);
    const sealed = await sealChat(encryptionKey, chatOf("hello", { model: "oak" }));
    connection.send(sealed.request);
    connection.sendRaw(sealed.body);
    expect((await connection.next("inference_complete")).request_id).toBe(sealed.request.request_id);
    connection.send({ type: "prefetch_model", model_id: "oak" });
    expect(await reportsOf("oak")).toMatchObject([{ status: "verified" }]);
    expect((await createModelStore({ home }).listModels()).map(({ isPinned }) => isPinned)).toEqual([false]);
  });

  it("says why it has none", async () => {
    await catalog.publish({ id: "oak", version: "1", files: [{ path: "m.gguf", bytes: Buffer.from("no model") }] });
    for (const model_id of ["elm", "oak"]) connection.send({ type: "prefetch_model", model_id });
    expect((await reportsOf("elm")).at(-1)).toMatchObject({ status: "failed", reason: "no_source" });
    expect((await reportsOf("oak")).at(-1)).toMatchObject({ status: "failed", reason: "other" });
  });

  it("lets go of what a name stood for when it has what it stands for now, and takes it up again without fetching", async () => {
    await publish("oak-2");
    await publish("oak-1");
    connection.send({ type: "prefetch_model", model_id: "oak-1" });
    await reportsOf("oak-1");
    connection.send({ type: "desired_models", models: [{ model_name: "oak", desired_build: "oak-2", previous_build: "oak-1" }] });
    await reportsOf("oak-2");
    const offers = async (...ids: string[]) => {
      for (;;) {
        const { models } = await connection.next("models_update");
        if (JSON.stringify(models.map(({ id }) => id)) === JSON.stringify(ids)) return;
      }
    };
    await offers("old", "oak-2");
    // Its files stay, and it is noted since when nobody wants them.
    await vi.waitFor(async () =>
      expect(JSON.parse(await readFile(path.join(home, "superseded.json"), "utf8"))).toEqual({ builds: { "oak-1": expect.any(String) } }),
    );
    const before = catalog.requests.length;
    connection.send({ type: "desired_models", models: [{ model_name: "oak", desired_build: "oak-1", previous_build: "oak-2" }] });
    await reportsOf("oak-1");
    await offers("old", "oak-1");
    expect(catalog.requests.slice(before).filter(({ path: asked }) => asked.startsWith("/files/"))).toEqual([]);
  });

  it("takes off what is withdrawn, and deletes what is revoked", async () => {
    const { weight_hash } = await publish("oak");
    connection.send({ type: "prefetch_model", model_id: "oak" });
    await reportsOf("oak");
    expect(await stored()).toEqual(["oak"]);
    connection.send({ type: "desired_models", models: [], withdrawn: [{ model_id: "oak", weight_hash, reason: "revoked" }] });
    for (;;) if ((await connection.next("models_update")).models.length === 1) break;
    await vi.waitFor(async () => expect(await stored()).toEqual([]), 10_000);
  });

  it("leaves its files in order when it stops in the middle", async () => {
    const { prefix } = await publish("oak");
    const served = catalog.files.get(`/files/${prefix}/m.gguf`);
    if (served === undefined) throw new Error("not published");
    served.stallsAt = 1_500_000;
    connection.send({ type: "prefetch_model", model_id: "oak" });
    for (;;) {
      const report = await connection.next("prefetch_model_status");
      if (report.status === "downloading" && (report.bytes_done ?? 0) > 1_000_000) break;
    }
    const stopped = agent.stop();
    expect((await reportsOf("oak")).at(-1)).toMatchObject({ status: "failed", reason: "draining" });
    await stopped;
    expect(await stored()).toEqual([]);
    const staging = path.join(home, "models", ".staging");
    expect(await readdir(staging)).toEqual([prefix.replaceAll("/", "__")]);
  });
});
