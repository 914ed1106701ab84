import type { ChildProcess } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { FromWorker } from "./pipe-messages.js";
import { chatOf, scriptedModel, sealChat, textOf } from "./testing/index.js";
import { answerOf, forwarded, launchWorker, type ReadyWorker, startWorker, submit, terminalOf } from "./testing/process.js";

type Message<T extends FromWorker["type"]> = Extract<FromWorker, { type: T }>;

let home: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-worker-"));
  await chmod(home, 0o700);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(home, { recursive: true });
});

/** A worker with room for one of two models. */
function start(script: object): Promise<ReadyWorker> {
  const worker = launchWorker();
  children.push(worker.child);
  return startWorker(worker, {
    keyDirectory: home,
    engine: { kind: "scripted", script: { answer: { kind: "echo" }, ...script } },
    models: ["warm", "cold"].map((id) => ({ info: { ...scriptedModel, id }, path: "", sequences: 1 })),
    residentModels_max: 1,
  });
}

const shows = (model: string) => (message: FromWorker) =>
  message.type === "state" && message.slots.length === 1 && message.slots[0]?.model === model;
const isState =
  (model: string) =>
  (message: FromWorker): message is Message<"state"> =>
    shows(model)(message);

it("a request for a model that is not in memory loads it in the place of an idle one, and says so while it waits", async () => {
  const worker = await start({ load_ms: 1500 });
  expect(worker.ready.models.map(({ id }) => id)).toEqual(["warm", "cold"]);
  await worker.until(isState("warm"));

  const sealed = await sealChat(worker.ready.encryption_key, chatOf("good morning", { model: "cold" }));
  submit(worker, sealed);
  const { terminal, answer } = await answerOf(worker, sealed);
  expect(terminal.type).toBe("inference_complete");
  expect(textOf(answer.events)).toBe("good morning");
  const phases = forwarded(worker, sealed).flatMap((message) => (message.type === "inference_accepted" ? [message] : []));
  expect(phases.map(({ phase }) => phase)).toEqual(["queued", "loading", "loading", "prefilling"]);
  const [, first, second] = phases;
  expect([first?.progress, second?.progress]).toEqual([0, expect.any(Number)]);
  expect(second?.progress).toBeGreaterThan(0);
  expect(second?.eta_ms).toBeGreaterThan(0);
  await worker.until(isState("cold"));
});

it("a request for a model that cannot be loaded beside what runs is refused at once", async () => {
  const worker = await start({ firstToken_ms: 60_000 });
  const running = await sealChat(worker.ready.encryption_key, chatOf("wait", { model: "warm" }));
  submit(worker, running);
  await worker.until((message): message is Message<"state"> => message.type === "state" && message.slots[0]?.num_running === 1);
  const refused = await sealChat(worker.ready.encryption_key, chatOf("now", { model: "cold" }));
  submit(worker, refused);
  expect(await terminalOf(worker, refused)).toMatchObject({ type: "inference_error", error_class: "capacity_slots" });
});

it("loads and puts away what it is told, and says what became of it", async () => {
  const worker = await start({});
  const statuses = (model: string) =>
    worker.messages.flatMap((message) =>
      message.type === "load_model_status" && message.model_id === model ? [[message.status, message.reason]] : [],
    );
  const ended = (model: string, status: string) =>
    worker.until(
      (message): message is Message<"load_model_status"> =>
        message.type === "load_model_status" && message.model_id === model && message.status === status,
    );
  worker.pipe.sendControl({ type: "load_model", model_id: "cold" });
  await ended("cold", "succeeded");
  worker.pipe.sendControl({ type: "load_model", model_id: "cold" });
  worker.pipe.sendControl({ type: "load_model", model_id: "nowhere" });
  await ended("nowhere", "failed");
  expect(statuses("nowhere")).toEqual([
    ["started", undefined],
    ["failed", "model_not_found"],
  ]);
  await worker.until((message): message is FromWorker => message.type === "state" && statuses("cold").length === 4);
  // What is there already is loaded at once.
  expect(statuses("cold")).toEqual([
    ["started", undefined],
    ["succeeded", undefined],
    ["started", undefined],
    ["succeeded", undefined],
  ]);
  await worker.until(isState("cold"));
  worker.pipe.sendControl({ type: "unload_model", model_id: "cold" });
  await worker.until((message): message is Message<"state"> => message.type === "state" && message.slots.length === 0);
});
