import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { ChatRequest } from "@umbel/dialects";
import { deviceThumbprint, type Register, verifyClaims } from "@umbel/protocol";
import { systemClock } from "@umbel/protocol/native";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createModelStore, type Logger, type ProviderAgent, type ProviderDependencies, type ProviderOptions } from "../index.js";
import { readDiscoveryRecord } from "../local/index.js";
import { type CoordinatorStub, type StubConnection, startCoordinatorStub } from "../session/testing/index.js";
import { chatOf, type SealedChat, scriptedModel, sealChat, textOf, workerEntry } from "../worker/testing/index.js";
import { createProviderAgent } from "./provider-agent.js";
import { conditionsOf, storeMeasuredRates } from "./stored-rates.js";
import { providerVersion } from "./version.js";

const sprout = fileURLToPath(new URL("../../../../models/sprout", import.meta.url));

let home: string;
let stub: CoordinatorStub;
let logged: string[];
const agents: ProviderAgent[] = [];
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-provider-"));
  stub = await startCoordinatorStub();
  logged = [];
});
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await stub.close();
  await rm(home, { recursive: true });
});

const log = (fields: object, message: string) => {
  logged.push(JSON.stringify({ ...fields, message }));
};
const logger: Logger = { debug: log, info: log, warn: log, error: log };

function make(script: Record<string, unknown>, options: Partial<ProviderOptions> = {}, clock = systemClock): ProviderAgent {
  const agent = createProviderAgent(
    { coordinatorUrl: stub.url, home, models: [{ info: scriptedModel }], engine: { kind: "scripted", script }, ...options },
    { logger, workerEntry, clock },
  );
  agents.push(agent);
  return agent;
}

interface Serving {
  readonly agent: ProviderAgent;
  readonly connection: StubConnection;
  readonly register: Register;
}

async function serve(script: Record<string, unknown> = {}, options: Partial<ProviderOptions> = {}): Promise<Serving> {
  const agent = make(script, options);
  const [{ connection, register }] = await Promise.all([stub.nextRegistration(), agent.start()]);
  return { agent, connection, register };
}

async function submit({ connection, register }: Pick<Serving, "connection" | "register">, chat: ChatRequest): Promise<SealedChat> {
  const sealed = await sealChat(register.encryption_key, chat);
  connection.send(sealed.request);
  connection.sendRaw(sealed.body);
  return sealed;
}

async function ask(serving: Pick<Serving, "connection" | "register">, chat: ChatRequest): Promise<string> {
  const sealed = await submit(serving, chat);
  const accepted = await serving.connection.next("inference_accepted");
  await serving.connection.next("inference_complete");
  const answer = await sealed.open(accepted.response_nonce, serving.connection.frames);
  expect(answer.isFinal).toBe(true);
  return textOf(answer.events);
}

it("registers what a benchmark found", async () => {
  const first = await serve();
  expect(first.register).toMatchObject({ prefill_tps: 0, decode_tps: 0 });
  await first.agent.stop();
  const conditions = conditionsOf(scriptedModel, { kind: "scripted", script: {} }, first.register.hardware);
  const rates = { prefill_tps: 321, decode_tps: 12 };
  await storeMeasuredRates(home, scriptedModel.id, { conditions, measuredAt: new Date(), rates });
  expect((await serve()).register).toMatchObject(rates);
});

describe("a provider that is paused", () => {
  it("says so, refuses, gives the memory back, and stays paused over a restart until it is resumed", async () => {
    const { agent, connection, register } = await serve({ answer: { kind: "echo" } });
    await agent.pause(Number.POSITIVE_INFINITY);
    const resting = await showing(connection, []);
    expect(resting.rest_reasons).toEqual(["paused"]);
    expect(agent.state()).toMatchObject({ phase: "resting", stance: { reasons: ["paused"] } });
    await submit({ connection, register }, chatOf("are you there?"));
    expect(await connection.next("inference_error")).toMatchObject({ error_class: "draining" });
    await agent.stop();

    const second = await serve({ answer: { kind: "echo" } });
    await showing(second.connection, []);
    expect(second.agent.state().phase).toBe("resting");
    await second.agent.resume();
    const awake = await showing(second.connection, [scriptedModel.id]);
    expect(awake.rest_reasons).toBeUndefined();
    expect(await ask(second, chatOf("and now?"))).toBe("and now?");
  });

  it("does not connect outside its schedule", async () => {
    const never = { windows: [{ days: ["mon"], start: "00:00", end: "00:01" }], time_zone: "UTC" };
    const isThen = new Date().getUTCDay() === 1 && new Date().getUTCHours() === 0;
    const agent = make(
      {},
      { guest: { schedule: isThen ? { ...never, windows: [{ ...never.windows[0], days: ["tue"] }] } : never } as never },
    );
    await agent.start();
    expect(agent.state()).toMatchObject({ phase: "resting", sessionId: undefined, stance: { reasons: ["schedule"] } });
  });
});

/** The first heartbeat that shows these slots. */
async function showing(connection: StubConnection, models: readonly string[]) {
  for (;;) {
    const heartbeat = await connection.next("heartbeat");
    if (JSON.stringify(heartbeat.capacity?.slots.map(({ model }) => model)) === JSON.stringify(models)) return heartbeat;
  }
}

/** Two builds, with room in memory for one. */
const TWO_MODELS = {
  models: ["warm", "cold"].map((id) => ({ info: { ...scriptedModel, id } })),
  modelsResident_max: 1,
} satisfies Partial<ProviderOptions>;

describe("a machine that slept", () => {
  it("connects anew, leaves what ran before behind, and answers what comes now", async () => {
    let slept_ms = 0;
    const clock = { ...systemClock, date: () => new Date(Date.now() + slept_ms) };
    const agent = make({ answer: { kind: "echo" }, faults: [{ kind: "stall", at: "first_token", times: 1 }] }, {}, clock);
    const [first] = await Promise.all([stub.nextRegistration(), agent.start()]);
    const before = await submit(first, chatOf("before"));
    await first.connection.next("inference_accepted");
    const registering = stub.nextRegistration();
    slept_ms = 3_600_000;
    const second = await registering;
    await second.connection.next("heartbeat");
    expect(agent.state()).toMatchObject({ reconnects: 1, machineId: await deviceThumbprint(second.register.device_key) });
    expect(await ask(second, chatOf("after"))).toBe("after");
    expect(JSON.stringify(second.connection.messages)).not.toContain(before.request.request_id);
    expect(agent.state().inFlight).toBe(0);
  });
});

describe("models in memory", () => {
  it("are what heartbeats show, while the registration offers everything; and change when the coordinator says so, at once", async () => {
    const { connection, register } = await serve({}, TWO_MODELS);
    expect(register.features).toEqual(["models/1", "flow/1"]);
    expect(register.models.map(({ id }) => id)).toEqual(["warm", "cold"]);
    expect((await showing(connection, ["warm"])).capacity).toMatchObject({ resident_models_max: 1 });

    connection.send({ type: "load_model", model_id: "cold", evict: ["warm"] });
    expect(await connection.next("load_model_status")).toMatchObject({ model_id: "cold", status: "started" });
    expect(await connection.next("load_model_status")).toEqual({ type: "load_model_status", model_id: "cold", status: "succeeded" });
    await showing(connection, ["cold"]);
    connection.send({ type: "unload_model", model_id: "cold" });
    await showing(connection, []);
  });

  it("come for a request", async () => {
    const serving = await serve({ answer: { kind: "echo" } }, TWO_MODELS);
    expect(await ask(serving, chatOf("are you there?", { model: "cold" }))).toBe("are you there?");
    await showing(serving.connection, ["cold"]);
  });

  it("are not loaded any more once the provider drains", async () => {
    const { agent, connection, register } = await serve({ firstToken_ms: 60_000 }, TWO_MODELS);
    await submit({ connection, register }, chatOf("one", { model: "warm" }));
    await connection.next("inference_accepted");
    const stopped = agent.stop(60_000);
    connection.send({ type: "load_model", model_id: "cold" });
    expect(await connection.next("load_model_status")).toMatchObject({ status: "failed", reason: "draining" });
    connection.send({ type: "prefetch_model", model_id: "cold" });
    expect(await connection.next("prefetch_model_status")).toMatchObject({ status: "failed", reason: "draining" });
    connection.socket.close();
    await stopped;
  });

  it("need not be fetched when they are here, and cannot be when nobody knows from where", async () => {
    const { connection } = await serve({}, TWO_MODELS);
    connection.send({ type: "prefetch_model", model_id: "cold", priority: 1 });
    expect(await connection.next("prefetch_model_status")).toMatchObject({ model_id: "cold", status: "verified" });
    connection.send({ type: "prefetch_model", model_id: "elsewhere" });
    expect(await connection.next("prefetch_model_status")).toMatchObject({ status: "started" });
    expect(await connection.next("prefetch_model_status")).toMatchObject({ status: "failed", reason: "no_source" });
  });

  it("are confirmed when they are what a name now stands for", async () => {
    const { connection } = await serve({}, TWO_MODELS);
    connection.send({
      type: "desired_models",
      models: [
        { model_name: "plant", desired_build: "cold", previous_build: "warm" },
        { model_name: "other", desired_build: "elsewhere" },
      ],
    });
    expect((await connection.next("models_update")).models.map(({ id }) => id)).toEqual(["cold"]);
  });
});

describe("a provider", () => {
  it("registers with evidence that verifies, and serves", async () => {
    const serving = await serve({ answer: { kind: "echo" } }, { authToken: "umbel-pt-test", privateOnly: true });
    const { agent, connection, register } = serving;
    expect(register).toMatchObject({
      backend: expect.any(String),
      version: providerVersion,
      auth_token: "umbel-pt-test",
      private_only: true,
    });
    expect(register.models).toMatchObject([scriptedModel]);
    const claims = await verifyClaims(register.device_key, "registration", register.attestation);
    expect(claims).toMatchObject({ encryption_key: register.encryption_key, version: register.version, backend: register.backend });
    expect(claims.sandbox).toEqual(agent.state().sandbox);

    const { attestation } = await connection.next("attestation_response");
    expect(await verifyClaims(register.device_key, "challenge", attestation)).toMatchObject({
      ...connection.challenge,
      session_id: connection.sessionId,
      counter: 1,
    });
    const heartbeat = await connection.next("heartbeat");
    expect(heartbeat.capacity?.slots[0]).toMatchObject({ model: scriptedModel.id, num_running: 0 });
    expect(await ask(serving, chatOf("say it again"))).toBe("say it again");
    expect(agent.state()).toMatchObject({
      phase: "serving",
      sessionId: connection.sessionId,
      machineId: await deviceThumbprint(register.device_key),
      models: [scriptedModel.id],
      inFlight: 0,
    });
  });

  it("carries a request of several megabytes", async () => {
    const serving = await serve(
      { answer: { kind: "text", text: "long" } },
      { models: [{ info: { ...scriptedModel, context_length: 10_000_000 } }] },
    );
    expect(await ask(serving, chatOf("word ".repeat(1_000_000)))).toBe("long");
  });

  it("leaves no trace of prompt, answer or token in frames, logs and files", async () => {
    const serving = await serve({ answer: { kind: "echo" } }, { authToken: "umbel-pt-secret" });
    const canary = "marzipan-4402-canary";
    expect(await ask(serving, chatOf(canary))).toBe(canary);
    await serving.agent.stop();
    const files = (await readdir(home, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const stored = await Promise.all(files.map((entry) => readFile(path.join(entry.parentPath, entry.name))));
    const frames = Buffer.concat(serving.connection.received);
    const elsewhere = Buffer.concat([...stored, Buffer.from(logged.join("\n"))]);
    // The key, and on Linux when kills for want of memory were looked for last.
    expect(stored).toHaveLength(process.platform === "linux" ? 2 : 1);
    for (const bytes of [frames, elsewhere]) expect(bytes.includes(canary)).toBe(false);
    expect(elsewhere.includes("umbel-pt-secret")).toBe(false);
  });

  it("loses no chunk to a coordinator that does not read for a while", async () => {
    const words = 60_000;
    const serving = await serve(
      { answer: { kind: "words" }, answerTokens: words },
      { models: [{ info: { ...scriptedModel, context_length: 1_000_000 } }] },
    );
    const sealed = await submit(serving, chatOf("go on", { maxOutputTokens: words }));
    const accepted = await serving.connection.next("inference_accepted");
    serving.connection.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    serving.connection.socket.resume();
    const complete = await serving.connection.next("inference_complete");
    const answer = await sealed.open(accepted.response_nonce, serving.connection.frames);
    expect(answer.isFinal).toBe(true);
    expect(complete.usage.completion_tokens).toBe(words);
    expect(textOf(answer.events).split(" ")).toHaveLength(words);
  });
});

describe("beside a coordinator that does not read", () => {
  it("this machine's own programs are answered, and the coordinator loses nothing", async () => {
    const [words, requests] = [30_000, 6];
    const agent = createProviderAgent(
      {
        ...{
          coordinatorUrl: stub.url,
          home,
          local: { port: 0 },
          engine: { kind: "scripted", script: { answerTokens: words, tokens_per_s: 20_000 } },
        },
        models: [{ info: { ...scriptedModel, context_length: 1_000_000 }, sequences: 8 }],
      },
      // The system's own buffers take some megabytes; what is beyond them shows at once.
      { logger, workerEntry, outbound: { bytes_max: 64 * 1024, bytes_resumed: 16 * 1024 } },
    );
    agents.push(agent);
    const [serving] = await Promise.all([stub.nextRegistration(), agent.start()]);
    serving.connection.socket.pause();
    const asked: SealedChat[] = [];
    for (let request = 0; request < requests; request++) asked.push(await submit(serving, chatOf("go on", { maxOutputTokens: words })));
    await expect.poll(() => agent.state().answersWait, { timeout: 30_000 }).toBe(true);
    const { base_url = "", api_key = "" } = (await readDiscoveryRecord(home)) ?? {};
    const own = await fetch(`${base_url}/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${api_key}` },
      body: JSON.stringify({ model: scriptedModel.id, stream: true, max_tokens: 2_000, messages: [{ role: "user", content: "now" }] }),
    });
    expect(await own.text()).toMatch(/data: \[DONE\]\n\n$/);
    expect(agent.state()).toMatchObject({ answersWait: true });
    serving.connection.socket.resume();
    for (const _request of asked) {
      expect(await serving.connection.next("inference_complete")).toMatchObject({ usage: { completion_tokens: words } });
    }
    const [last] = asked.slice(-1);
    const accepted = serving.connection.messages.filter((message) => message.type === "inference_accepted");
    const nonce = accepted.find(({ request_id }) => request_id === last?.request.request_id)?.response_nonce ?? "";
    const answer = await last?.open(nonce, serving.connection.frames);
    expect(answer?.isFinal).toBe(true);
    expect(textOf(answer?.events ?? []).split(" ")).toHaveLength(words);
    expect(agent.state()).toMatchObject({ answersWait: false, inFlight: 0 });
  }, 60_000);
});

describe("a worker that dies", () => {
  it("is answered for at once, replaced, and registered anew with a fresh key", async () => {
    const { agent, connection, register } = await serve({
      faults: [{ kind: "crash", at: { afterTokens: 5 }, times: 1 }],
      tokens_per_s: 100,
    });
    const struck = await submit({ connection, register }, chatOf("one"));
    const other = await submit({ connection, register }, chatOf("two"));
    const errors = [await connection.next("inference_error"), await connection.next("inference_error")];
    expect(errors.map((error) => error.error_class)).toEqual(["engine_crash", "engine_crash"]);
    expect(new Set(errors.map((error) => error.request_id))).toEqual(new Set([struck.request.request_id, other.request.request_id]));
    expect(await connection.closed).toBe(1012);

    const next = await stub.nextRegistration();
    expect(next.register.device_key).toEqual(register.device_key);
    expect(next.register.encryption_key).not.toBe(register.encryption_key);
    expect((await next.connection.next("heartbeat")).stats.worker_restarts).toBe(1);
    expect(agent.state()).toMatchObject({ phase: "serving", workerRestarts: 1, inFlight: 0 });
    expect(logged.join()).toContain("SIGABRT");
  });
});

describe("a model whose loading ends the worker", () => {
  it("is left out after the second time, so that the others are served", async () => {
    const script = { answer: { kind: "echo" }, faults: [{ kind: "crash", at: "load", from: 2 }] };
    const serving = await serve(script, { models: ["sound", "fatal"].map((id) => ({ info: { ...scriptedModel, id } })) });
    expect(serving.register.models.map(({ id }) => id)).toEqual(["sound"]);
    expect(serving.agent.state().workerRestarts).toBe(2);
    expect(await ask(serving, chatOf("still here?", { model: "sound" }))).toBe("still here?");
    expect(logged.filter((line) => line.includes('"fatal"')).join()).toContain("keeps ending the worker");
  });
});

describe("a lost connection", () => {
  it("cancels what ran on it, and the next one serves", async () => {
    const { agent, connection, register } = await serve({ tokens_per_s: 20, answerTokens: 1000 });
    await submit({ connection, register }, chatOf("endless", { maxOutputTokens: 1000 }));
    await connection.nextFrame();
    connection.socket.terminate();
    const next = await stub.nextRegistration();
    expect(next.register.encryption_key).toBe(register.encryption_key);
    expect(agent.state().inFlight).toBe(0);
    let heartbeat = await next.connection.next("heartbeat");
    while ((heartbeat.capacity?.slots[0]?.num_running ?? 1) > 0) heartbeat = await next.connection.next("heartbeat");
    expect(next.connection.frames).toEqual([]);
    expect(next.connection.messages.filter((message) => message.type.startsWith("inference"))).toEqual([]);
  });
});

describe("stopping", () => {
  it("refuses new work, lets running work finish, and leaves", async () => {
    const { agent, connection, register } = await serve({ answer: { kind: "echo" }, firstToken_ms: 300 });
    const running = await submit({ connection, register }, chatOf("nearly done"));
    const accepted = await connection.next("inference_accepted");
    const stopped = agent.stop(10_000);
    const late = await submit({ connection, register }, chatOf("too late"));
    expect(await connection.next("inference_error")).toMatchObject({ request_id: late.request.request_id, error_class: "draining" });
    await connection.next("inference_complete");
    expect(textOf((await running.open(accepted.response_nonce, connection.frames)).events)).toBe("nearly done");
    await stopped;
    expect(await connection.closed).toBe(1001);
    expect(await agent.ended).toBeUndefined();
    expect(agent.state().phase).toBe("stopped");
  });

  it("cancels what is not done when the time is up", async () => {
    const { agent, connection, register } = await serve({ firstToken_ms: 60_000 });
    await submit({ connection, register }, chatOf("never"));
    await connection.next("inference_accepted");
    await agent.stop(50);
    expect((await connection.next("inference_error")).error_class).toBe("cancelled");
  });

  it("ends a start that has not come to anything", async () => {
    await stub.close();
    const agent = make({});
    const started = expect(agent.start()).rejects.toMatchObject({ code: "stopped" });
    await agent.stop();
    await started;
  });
});

describe("a provider that cannot run", () => {
  async function failure(agent: ProviderAgent): Promise<string> {
    const error = await agent.start().then(
      () => undefined,
      (reason: { code: string }) => reason,
    );
    expect(agent.state().phase).toBe("failed");
    expect(await agent.ended).toBe(error);
    return error?.code ?? "started";
  }

  it("names the models it does not have", async () => {
    expect(await failure(make({}, { models: [{ id: "absent" }] }))).toBe("unknown_models");
    expect(await failure(make({}, { models: [] }))).toBe("no_models");
    expect(await failure(make({}, { models: [{ info: scriptedModel }], engine: { kind: "llama.cpp" } }))).toBe("unknown_models");
  });

  it("says that no model could be loaded", async () => {
    expect(await failure(make({ faults: [{ kind: "error", at: "load" }] }))).toBe("models_not_loaded");
  });

  it("does not use a key folder that others can write to", async () => {
    await mkdir(path.join(home, "keys"));
    await chmod(path.join(home, "keys"), 0o777);
    expect(await failure(make({}))).toBe("key_exposed");
  });

  it("stops when the coordinator does not know its token", async () => {
    await stub.close();
    stub = await startCoordinatorStub("manual");
    const agent = make({}, { authToken: "umbel-pt-wrong" });
    const failed = failure(agent);
    const { connection } = await stub.nextRegistration();
    connection.send({ type: "register_rejected", code: "auth_token_invalid", reason: "unknown" });
    expect(await failed).toBe("auth_token_invalid");
  });

  it("refuses options that make no sense", () => {
    const valid = { coordinatorUrl: "http://127.0.0.1:1", home };
    for (const bad of [{ coordinatorUrl: "ftp://x" }, { home: "relative" }, { models: [{ id: "x", sequences: 65 }] }, { colour: "blue" }]) {
      expect(() => createProviderAgent({ ...valid, ...bad } as ProviderOptions, { logger })).toThrow();
    }
  });
});

describe("a provider whose owner has agreed to tell of troubles", () => {
  it("tells of a worker that dies, of a memory that had run out, and of its stop; and says the latter to its owner", async () => {
    const marker = { pid: 1, at: "2026-12-01T12:00:00.000Z", available_bytes: 5, total_bytes: 16, models: ["oak"] };
    await writeFile(path.join(home, "oom-marker.json"), JSON.stringify(marker));
    const told: string[] = [];
    const sendTelemetry: ProviderDependencies["sendTelemetry"] = async (_url, { body }) => {
      told.push(...(JSON.parse(body) as { readonly events: readonly { readonly message: string }[] }).events.map(({ message }) => message));
      return { status: 202, headers: new Headers(), arrayBuffer: async () => undefined };
    };
    const script = { answer: { kind: "echo" }, faults: [{ kind: "crash", at: "first_token", times: 1 }] };
    const agent = createProviderAgent(
      { coordinatorUrl: stub.url, home, models: [{ info: scriptedModel }], engine: { kind: "scripted", script }, telemetry: true },
      { logger, workerEntry, sendTelemetry },
    );
    agents.push(agent);
    const [first] = await Promise.all([stub.nextRegistration(), agent.start()]);
    await submit(first, chatOf("tell me about herons"));
    await stub.nextRegistration();
    expect(agent.state().memoryTroubles).toMatchObject([{ what: "ran_out", who: "provider" }]);
    await agent.stop();
    expect(told).toEqual(expect.arrayContaining(["provider_started", "memory_ran_out", "worker_ended", "provider_stopped"]));
    expect(await readdir(home)).not.toContain("oom-marker.json");
  });
});

describe("the bundled model", () => {
  it("answers through worker and seal, confined as this machine allows", async () => {
    const modelsDirectory = path.join(home, "elsewhere");
    const { info } = await createModelStore({ home, modelsDirectory }).importModel(sprout);
    expect(await createModelStore({ home }).listModels()).toEqual([]);
    const place = { modelsDirectory, contextLength_tokens_max: 1_024 };
    const serving = await serve({}, { engine: { kind: "llama.cpp" }, models: [{ id: info.id, sequences: 2 }], ...place });
    const { register, agent } = serving;
    expect(register.models).toEqual([{ ...info, context_length: 1_024, template_render_ok: true }]);
    expect(register.decode_tps).toBeGreaterThan(0);
    expect(register.hardware.posture).toEqual(await agent.posture());
    expect(register.hardware.posture?.tracer).toBe(process.platform === "linux" ? "none" : "unknown");
    const chat = chatOf("What is the capital of France?", { model: info.id, sampling: { temperature: 0 } });
    expect(await ask(serving, chat)).toContain("Paris");
    expect(agent.state().sandbox?.network).not.toBe("none");
  });

  it.skipIf(process.platform !== "linux")("keeps prompts on the disk, encrypted, while it runs, under the same confinement", async () => {
    const { info } = await createModelStore({ home }).importModel(sprout);
    const models = [{ id: info.id, sequences: 1 }];
    const { agent, connection, register } = await serve({}, { engine: { kind: "llama.cpp" }, models, prefixCacheDisk_gb_max: 0.5 });
    const story = "The canary went to the red house. ".repeat(60);
    const cached = async (cache_scope: string): Promise<number> => {
      const chat = chatOf(`${story} Who went there?`, { model: info.id, sampling: { temperature: 0 }, maxOutputTokens: 4 });
      const { request, body } = await sealChat(register.encryption_key, chat);
      connection.send({ ...request, cache_scope });
      connection.sendRaw(body);
      return (await connection.next("inference_complete")).usage.cached_prompt_tokens;
    };
    const folder = path.join(home, "prefix-cache");
    expect(await cached("alice.1")).toBe(0);
    expect(await cached("bob.1")).toBe(0);
    // Written while the second prompt was being computed.
    expect(await readdir(folder)).toHaveLength(1);
    expect(await cached("alice.1")).toBeGreaterThan(400);
    for (const name of await readdir(folder)) expect((await readFile(path.join(folder, name))).includes("canary")).toBe(false);
    expect(agent.state().sandbox).toMatchObject({ filesystem: "permission-model" });
    expect(logged.join()).not.toContain("canary");
    await agent.stop();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is not served without the graphics card that its owner has asked for", async () => {
    const { info } = await createModelStore({ home }).importModel(sprout);
    // No machine has the other system's.
    const gpu = process.platform === "darwin" ? "cuda" : "metal";
    const agent = make({}, { engine: { kind: "llama.cpp", gpu }, models: [{ id: info.id }] });
    await expect(agent.start()).rejects.toMatchObject({ code: "no_gpu", message: expect.stringContaining("backend.gpu") });
  });

  it("is not loaded when its bytes have changed since it was imported", async () => {
    const copy = path.join(home, "copy");
    await mkdir(copy);
    for (const file of ["manifest.json", "catalog.json", "sprout-3m-q8_0.gguf"]) {
      await writeFile(path.join(copy, file), await readFile(path.join(sprout, file)));
    }
    const { info } = await createModelStore({ home }).importModel(copy);
    const weights = await readFile(path.join(copy, "sprout-3m-q8_0.gguf"));
    weights[weights.length - 1] = (weights.at(-1) ?? 0) ^ 1;
    await writeFile(path.join(copy, "sprout-3m-q8_0.gguf"), weights);
    const agent = make({}, { engine: { kind: "llama.cpp" }, models: [{ id: info.id }] });
    await expect(agent.start()).rejects.toMatchObject({
      code: "models_not_loaded",
      message: expect.stringContaining("load_failed_artifact"),
    });
  });
});
