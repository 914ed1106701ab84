import { ApiError, type ChatRequest, chatRequest } from "@umbel/dialects";
import { WIRE_LIMITS } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { type Decision, isWorthWaiting, type RefusalReason, type RequestSpec, type StandingProfileName, select } from "@umbel/routing";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { KeyRecord } from "../../accounts/index.js";
import { type CatalogService, createCatalog } from "../../catalog/index.js";
import { buildOf } from "../../catalog/testing.js";
import { loadSettings } from "../../config/index.js";
import { createMetrics, type Metrics } from "../../insight/index.js";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import type { RateLimits } from "../types.js";
import { type AdmissionServices, createAdmission } from "./admission.js";
import type { LookedUpInput, PreparedRequest } from "./check.js";

const NOBODY: Decision = select([], {} as RequestSpec, {
  now_ms: 0,
  random: () => 0,
  minTrust: "none",
  minVersion: "",
  challengeFreshness_ms: 1,
});
const SOMEBODY: Decision = { ...NOBODY, considered: 1, candidates: 1 };
const refusedFor = (reason: RefusalReason): Decision => ({ ...NOBODY, considered: 1, refusals: { [reason]: 1 } });

const SETTINGS = loadSettings({ env: {} });

describe("admission", () => {
  let database: TestDatabase;
  let catalog: CatalogService;
  let metrics: Metrics;
  /** Who could serve each build. */
  let previews: Record<string, Decision>;
  /** Whether some machine passes a standing profile; undefined leaves it to `previews`. */
  let probes: Partial<Record<StandingProfileName, (spec: RequestSpec) => boolean>>;
  let couldHold: boolean;
  let couldLoad: number;
  let noticed: string[];
  /** Machines that would take a request for the desired build now. */
  let desiredMachines: number;
  let specs: RequestSpec[];
  let isFull: boolean;
  /** Tokens that are out, by what requests took and gave back; refused when it says so. */
  let taken: { input: number; output: number }[];
  let overLimit: boolean;
  const limits: Pick<RateLimits, "takeTokens"> = {
    takeTokens(_principal, tokens) {
      if (overLimit) throw new ApiError({ status: 429, code: "rate_limit_exceeded", message: "tokens" });
      taken.push(tokens);
      return { headers: {}, giveBack: () => taken.splice(taken.indexOf(tokens), 1), settle: () => undefined };
    },
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    catalog = await createCatalog({ store: database.store, clock: createFakeClock(), onRefreshFailed: () => undefined });
    await catalog.register(
      buildOf("new", { contextLength_tokens: 2_048, maxOutput_tokens: 1_024, defaults: { temperature: 0, topP: 0.9 } }),
    );
    await catalog.register(buildOf("old"));
    await catalog.register(buildOf("plain", { capabilities: ["chat"] }));
    await catalog.register(buildOf("vectors", { capabilities: ["embedding"], contextLength_tokens: 2_048 }));
    await catalog.setAlias({ id: "alias", displayName: "Alias", desired: "new", previous: "old" });
  });
  afterAll(async () => {
    await catalog.close();
    await database.close();
  });
  beforeEach(() => {
    metrics = createMetrics();
    previews = { new: SOMEBODY, old: SOMEBODY, plain: SOMEBODY };
    probes = { presence_probe: () => true };
    [couldHold, couldLoad, noticed] = [true, 0, []];
    specs = [];
    desiredMachines = 1;
    isFull = false;
    taken = [];
    overLimit = false;
  });

  function admit(
    change: Partial<ChatRequest> = {},
    options: {
      allowedModels?: string[];
      shed?: string[];
      input?: Partial<LookedUpInput>;
      settings?: Partial<AdmissionServices["settings"]>;
    } = {},
  ): PreparedRequest {
    const key = options.allowedModels && ({ allowedModels: options.allowedModels } as unknown as KeyRecord);
    const admission = createAdmission({
      catalog,
      fleet: {
        preview(spec) {
          specs.push(spec);
          return previews[spec.build] ?? NOBODY;
        },
        someone(profile, spec) {
          const probe = probes[profile];
          if (probe !== undefined) return probe(spec);
          const preview = previews[spec.build] ?? NOBODY;
          return preview.candidates > 0 || isWorthWaiting(preview);
        },
        capacity: () => ({ routableProviders: desiredMachines }) as ReturnType<AdmissionServices["fleet"]["capacity"]>,
        couldHold: () => couldHold,
        couldLoad: () => couldLoad,
        noticed: ({ type, build }) => noticed.push(`${type} ${build}`),
      },
      queues: { isFull: () => isFull },
      retryAfter: { seconds: () => 12 },
      metrics,
      settings: { ...SETTINGS, rejectModels: options.shed ?? [], ...options.settings },
      limits,
    });
    const { request } = admission.admit({
      requestId: crypto.randomUUID(),
      principal: { accountId: "consumer", method: "api_key", key },
      request: chatRequest.parse({ model: "alias", messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }], ...change }),
      stream: true,
      consumerGone: new AbortController().signal,
      ...options.input,
    });
    return request;
  }

  function refusal(change: Partial<ChatRequest> = {}, options: Parameters<typeof admit>[1] = {}): ApiError {
    try {
      admit(change, options);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error("it was admitted");
  }

  const text = (length: number): ChatRequest["messages"] => [{ role: "user", content: [{ type: "text", text: "x".repeat(length) }] }];

  describe("counts several answers", () => {
    it("as so many times the bound of one", () => {
      const { maxOutputTokens, outputBound_tokens, spec } = admit({ maxOutputTokens: 10, choices: 3 });
      expect({ maxOutputTokens, outputBound_tokens }).toEqual({ maxOutputTokens: 10, outputBound_tokens: 30 });
      expect(spec).toMatchObject({ maxOutputTokens: 10, choices: 3 });
    });
  });

  describe("knows what a model makes", () => {
    const embedding: Partial<ChatRequest> = { messages: [], task: { type: "embedding", inputs: ["hello"] } };

    it("and lets vectors be asked of a model that makes them, without any output", () => {
      previews["vectors"] = SOMEBODY;
      expect(admit({ model: "vectors", ...embedding })).toMatchObject({ maxOutputTokens: 0, outputBound_tokens: 0 });
    });

    it.each([
      ["vectors of a model that chats", { model: "plain", ...embedding }],
      ["an answer of a model that makes vectors", { model: "vectors" }],
      [
        "a completion of a model that makes vectors",
        { model: "vectors", messages: [], task: { type: "completion" as const, prompt: "a" } },
      ],
    ])("and refuses %s", (_name, change) => {
      expect(refusal(change)).toMatchObject({ status: 400, code: "invalid_request_error", param: "model" });
    });

    it("and gives every input the whole window", () => {
      previews["vectors"] = SOMEBODY;
      const inputs = ["x".repeat(8_000), "x".repeat(8_000)];
      expect(admit({ model: "vectors", messages: [], task: { type: "embedding", inputs } }).request.task).toMatchObject({ inputs });
      const long = ["a", "x".repeat(80_000)];
      expect(refusal({ model: "vectors", messages: [], task: { type: "embedding", inputs: long } })).toMatchObject({
        status: 400,
        code: "context_length_exceeded",
        param: "input",
        message: expect.stringContaining("input 1"),
      });
    });
  });

  describe("takes tokens of the caller's limits", () => {
    it("for the prompt and the bound on the output", () => {
      admit({ maxOutputTokens: 7, choices: 2 });
      expect(taken).toEqual([{ input: 5, output: 14 }]);
    });

    it("and refuses above them", () => {
      overLimit = true;
      expect(refusal()).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    });

    it("and gives them back when the request is refused afterwards", () => {
      previews = {};
      expect(refusal()).toMatchObject({ status: 503 });
      expect(taken).toEqual([]);
    });

    it("but takes none for a request that is refused before", () => {
      overLimit = true;
      expect(refusal({ model: "plain", tools: [{ name: "f" }] })).toMatchObject({ status: 400 });
    });
  });

  describe("for the account's own machines only", () => {
    const own = (linked: number, online: number) => ({ input: { ownMachines: "only" as const, own: { linked, online } } });

    it("asks routing for nothing else", () => {
      expect(admit({}, own(1, 1)).spec.route).toBe("self");
      expect(admit({}, { input: { ownMachines: "preferred" } }).spec.route).toBe("prefer");
      const key = { selfRouteOnly: true, allowedModels: [] } as unknown as KeyRecord;
      const principal = { accountId: "consumer", method: "api_key" as const, key };
      expect(admit({}, { input: { principal, own: { linked: 1, online: 1 } } }).spec.route).toBe("self");
    });

    it.each([
      ["none is linked", 0, 0, { status: 409, code: "no_linked_machine" }],
      ["none is online", 2, 0, { status: 503, code: "machine_offline", retryAfter_s: 30 }],
      ["none has the model", 2, 1, { status: 503, code: "model_not_loaded", retryAfter_s: 15 }],
    ])("says that %s", (_name, linked, online, expected) => {
      previews = {};
      expect(refusal({}, own(linked, online))).toMatchObject(expected);
    });

    it("waits for one that is busy, unless the line is full", () => {
      previews = { new: refusedFor("capacity") };
      expect(admit({}, own(1, 1)).spec.route).toBe("self");
      isFull = true;
      expect(refusal({}, own(1, 1))).toMatchObject({ status: 429, code: "machine_busy" });
    });

    it("says what a request needs, where one has the model without it", () => {
      previews = { new: refusedFor("tools_unsupported") };
      probes = { owner_probe: () => true };
      expect(refusal({ tools: [{ name: "look" }] }, own(1, 1))).toMatchObject({
        code: "model_unavailable",
        message: expect.stringContaining("supports tool calls"),
      });
    });
  });

  describe("prepares the request", () => {
    it("for the build behind the alias, with the model's defaults where the caller named none", () => {
      const { request, publicName, build } = admit({ sampling: { topP: 0.5 } });
      expect(publicName).toBe("alias");
      expect(build.id).toBe("new");
      expect(request).toMatchObject({ model: "new", sampling: { temperature: 0, topP: 0.5 } });
    });

    it("with the exact bytes that are sealed", () => {
      const { request, body } = admit();
      expect(JSON.parse(new TextDecoder().decode(body))).toEqual(JSON.parse(JSON.stringify(request)));
    });

    it.each<[string, Partial<ChatRequest>, number]>([
      ["the caller's bound", { maxOutputTokens: 10 }, 10],
      ["the build's bound where the caller's is above it", { maxOutputTokens: 1_500 }, 1_024],
      ["the build's bound where the caller named none", {}, 1_024],
      ["what the window leaves, where that is less", { messages: text(4 * 1_500) }, 544],
      ["at least 256, where the window leaves less", { messages: text(4 * 1_900) }, 256],
    ])("with %s on the output", (_what, change, bound) => {
      expect(admit(change)).toMatchObject({ maxOutputTokens: bound, request: { maxOutputTokens: bound } });
    });

    it("says what it needs of a machine", () => {
      const tools = [{ name: "look" }];
      expect(admit({ tools }).spec).toMatchObject({ build: "new", accountId: "consumer", needsTools: true, needsVision: false });
      expect(admit({ tools, toolChoice: { type: "none" } }).spec.needsTools).toBe(false);
    });
  });

  describe("refuses, the first reason that applies counting", () => {
    it("a model that the key may not use, existing or not", () => {
      expect(refusal({}, { allowedModels: ["plain"] })).toMatchObject({ status: 403, code: "model_not_allowed", param: "model" });
      expect(refusal({ model: "absent" }, { allowedModels: ["plain"] })).toMatchObject({ status: 403 });
    });

    it.each([
      ["alias", "alias"],
      ["alias", "new"],
      ["new", "alias"],
      ["old", "alias"],
    ])("but lets a key for %j use %j's side of the alias", (model, allowed) => {
      expect(admit({ model }, { allowedModels: [allowed] }).build.id).toBe(model === "old" ? "old" : "new");
    });

    it("a model that nobody offers", () => {
      expect(refusal({ model: "absent" })).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
      expect(metrics.render()).toContain('umbel_admission_refusals_total{check="model_exists"} 1');
    });

    it("what the model cannot do at all", () => {
      expect(refusal({ model: "plain", tools: [{ name: "look" }] })).toMatchObject({
        status: 400,
        code: "unsupported_parameter",
        param: "tools",
      });
      const image = { type: "image", mediaType: "image/png", base64: "AAAA" } as const;
      expect(refusal({ messages: [{ role: "user", content: [image] }] })).toMatchObject({ status: 400, param: "messages" });
    });

    it("a model that the operator sheds, by alias or build", () => {
      for (const shed of [["alias"], ["new"]]) expect(refusal({}, { shed })).toMatchObject({ status: 429, retryAfter_s: 12 });
      expect(admit({}, { shed: ["alias"], input: { ownMachines: "only" } }).publicName).toBe("alias");
    });

    it("what exceeds the window by more than a tenth; below, the provider's count decides", () => {
      const over = (tokens: number): Partial<ChatRequest> => ({ messages: text(4 * (tokens - 4)), maxOutputTokens: 100 });
      expect(admit(over(2_048 - 100 + 200)).spec.promptTokens).toBe(2_048 - 100);
      const refused = refusal(over(2_048 - 100 + 206));
      expect(refused).toMatchObject({ status: 400, code: "context_length_exceeded", param: "messages", retryAfter_s: undefined });
      expect(refused.message).toContain("maximum context length is 2048 tokens");
    });

    it("what exceeds it by the estimate that a family of models is known to take", () => {
      const ask = (factors: Readonly<Record<string, number>>) =>
        refusal(
          { messages: text(4 * 1_900), maxOutputTokens: 100 },
          { settings: { promptCalibration: new Map(Object.entries({ other: 9, ...factors })) } },
        ).message;
      expect(admit({ messages: text(4 * 1_900), maxOutputTokens: 100 }).promptTokens).toBe(1_904);
      expect(ask({ NEW: 1.2, ne: 1.1 })).toContain("2285 in the messages");
    });

    it("no such length before a machine has counted it, where the operator has switched that off", () => {
      const options = { settings: { servabilityGate: false } };
      expect(admit({ messages: text(4 * 10_000), maxOutputTokens: 100 }, options).promptTokens).toBeGreaterThan(2_048);
    });

    it("what would begin too late, only where the operator wants that, and the build before does not begin in time either", () => {
      const slow = (bestTtft_ms: number): Decision => ({ ...SOMEBODY, bestTtft_ms });
      const hard = { settings: { ttftHardReject: true } };
      previews = { new: slow(20_000), old: slow(20_000) };
      expect(admit().build.id).toBe("new");
      expect(refusal({}, hard)).toMatchObject({ status: 429, code: "rate_limit_exceeded", retryAfter_s: 15 });
      expect(admit({}, { ...hard, input: { ownMachines: "preferred" } }).build.id).toBe("new");
      previews = { new: slow(20_000), old: slow(4_000) };
      expect(admit({}, hard).build.id).toBe("old");
      previews = { new: SOMEBODY };
      expect(admit({}, hard).build.id).toBe("new");
    });

    it("what would have to wait, only where the operator lets nothing wait", () => {
      const options = { settings: { queueBeforeShed: false } };
      previews = { new: refusedFor("concurrency") };
      expect(admit().build.id).toBe("new");
      expect(refusal({}, options)).toMatchObject({ status: 429, code: "rate_limit_exceeded", retryAfter_s: 12 });
      expect(admit({}, { ...options, input: { ownMachines: "only", own: { linked: 1, online: 1 } } }).spec.route).toBe("self");
    });

    it("what only a machine that loads the model first would serve, only where the operator wants that", () => {
      const costing = (state: number): Decision => ({
        ...SOMEBODY,
        winner: { providerId: "machine", total_ms: state, terms: { state }, ttft_ms: undefined },
      });
      const options = { settings: { coldDispatch: false } };
      previews = { new: costing(30_000), old: costing(30_000) };
      expect(admit().build.id).toBe("new");
      expect(refusal({}, options)).toMatchObject({ status: 503, code: "model_unavailable", retryAfter_s: 12 });
      expect(admit({}, { ...options, input: { ownMachines: "preferred" } }).build.id).toBe("new");
      expect(noticed).toEqual(["capacity_reject new"]);
      couldLoad = 1;
      expect(refusal({}, options)).toMatchObject({ status: 503, retryAfter_s: 12, message: expect.stringContaining("is to be loaded") });
      previews = { new: costing(30_000), old: costing(0) };
      expect(admit({}, options).build.id).toBe("old");
    });

    it.each<[RefusalReason | "nobody", number, number | undefined]>([
      ["nobody", 503, 12],
      ["offline_or_untrusted", 503, 12],
      ["tools_unsupported", 503, 12],
      ["vision_unsupported", 503, 12],
      ["structured_unsupported", 503, 12],
      ["context_too_small", 503, 12],
      ["model_too_large", 503, undefined],
    ])("when machines say %s: %i, Retry-After %s", (reason, status, retryAfter_s) => {
      previews = { new: reason === "nobody" ? NOBODY : refusedFor(reason) };
      expect(refusal()).toMatchObject({ status, code: "model_unavailable", retryAfter_s });
    });

    it.each<[RefusalReason]>([["concurrency"], ["capacity"], ["slot_unavailable"]])(
      "not what may wait (%s), unless the line is full",
      (reason) => {
        previews = { new: refusedFor(reason) };
        expect(admit().build.id).toBe("new");
        isFull = true;
        expect(refusal()).toMatchObject({ status: 429, code: "rate_limit_exceeded", retryAfter_s: 12 });
      },
    );

    it.each<[string, Partial<ChatRequest>, RegExp]>([
      ["tool calls", { tools: [{ name: "look" }] }, /supports tool calls/],
      ["structured output", { responseFormat: { type: "json_object" } }, /supports structured output/],
    ])("what needs %s, where no machine is there that can, however busy the others are", (_what, change, message) => {
      previews = { new: refusedFor("concurrency") };
      expect(admit(change).build.id).toBe("new");
      probes = { presence_probe: ({ needsTools, needsStructured }) => !needsTools && needsStructured !== true };
      expect(refusal(change)).toMatchObject({
        status: 503,
        code: "model_unavailable",
        param: "model",
        retryAfter_s: 12,
        message: expect.stringMatching(message),
      });
      expect(admit(change, { input: { ownMachines: "preferred" } }).build.id).toBe("new");
      expect(admit().build.id).toBe("new");
    });

    it("what is longer than any machine has memory for, before it waits in vain", () => {
      previews = { new: refusedFor("capacity") };
      couldHold = false;
      expect(refusal()).toMatchObject({ status: 429, code: "prompt_too_long", type: "rate_limit_exceeded", retryAfter_s: 12 });
      expect(refusal({}, { input: { ownMachines: "only", own: { linked: 1, online: 1 } } })).toMatchObject({ code: "prompt_too_long" });
      expect(admit({}, { settings: { servabilityGate: false } }).build.id).toBe("new");
      previews = { new: SOMEBODY };
      expect(admit().build.id).toBe("new");
    });

    it("JSON of a model that does not write any", () => {
      expect(refusal({ model: "plain", responseFormat: { type: "json_object" } })).toMatchObject({
        status: 400,
        code: "unsupported_parameter",
        param: "response_format",
      });
    });

    it("what only dedicated machines may serve, at once: nobody waits for it, and machines that serve others, too, do not count", async () => {
      await catalog.register(buildOf("alone", { family: "apart", isolation: "dedicated" }));
      await catalog.register(buildOf("beside", { family: "apart", isolation: "dedicated" }));
      previews = { alone: SOMEBODY };
      expect(admit({ model: "alone" }).spec.dedicated).toEqual(new Set(["alone", "beside"]));
      previews = { alone: refusedFor("concurrency") };
      expect(refusal({ model: "alone" })).toMatchObject({ status: 429, retryAfter_s: 12 });
      previews = { alone: refusedFor("dedicated_excluded") };
      expect(refusal({ model: "alone" })).toMatchObject({ status: 429, message: expect.stringContaining("no provider dedicated") });
      previews = { new: SOMEBODY };
      expect(admit().spec.dedicated).toBeUndefined();
    });

    it("what is too large to be framed once defaults are filled in", async () => {
      await catalog.register(buildOf("wide", { contextLength_tokens: 100_000_000 }));
      previews = { wide: SOMEBODY };
      const refused = refusal({ model: "wide", messages: text(WIRE_LIMITS.requestBody_bytes_max), maxOutputTokens: 1 });
      expect(refused).toMatchObject({ status: 413, code: "payload_too_large", type: "invalid_request_error" });
    });
  });

  describe("moves a name's requests to its desired build", () => {
    const alias = { id: "alias", displayName: "Alias", desired: "new", previous: "old" };
    const ids = Array.from({ length: 200 }, (_, index) => `request-${index}`);
    const moved = () => ids.filter((requestId) => admit({}, { input: { requestId } }).build.id === "new");
    afterEach(() => catalog.setAlias(alias));

    it("by the share of a rollout, always the same ones, and more as it grows", async () => {
      await catalog.setAlias({ ...alias, desiredShare_percent: 10 });
      const few = moved();
      expect(few.length / ids.length).toBeCloseTo(0.1, 1);
      expect(moved()).toEqual(few);
      await catalog.setAlias({ ...alias, desiredShare_percent: 60 });
      expect(moved()).toEqual(expect.arrayContaining(few));
    });

    it("whatever the share, when only that is served; and back, when only the previous one is", async () => {
      await catalog.setAlias({ ...alias, desiredShare_percent: 0 });
      expect(moved()).toEqual([]);
      previews = { new: SOMEBODY, old: refusedFor("concurrency") };
      expect(moved()).toEqual(ids);
      await catalog.setAlias({ ...alias, desiredShare_percent: 100 });
      previews = { new: NOBODY, old: SOMEBODY };
      expect(moved()).toEqual([]);
    });

    it("only when enough machines can serve it", async () => {
      await catalog.setAlias({ ...alias, minDesiredProviders: 3 });
      desiredMachines = 2;
      expect(moved()).toEqual([]);
      desiredMachines = 3;
      expect(moved()).toEqual(ids);
    });
  });

  describe("chooses between an alias's builds", () => {
    it("the previous one when nobody serves the desired one", () => {
      previews = { new: NOBODY, old: SOMEBODY };
      expect(admit().build.id).toBe("old");
      previews = { new: refusedFor("concurrency"), old: SOMEBODY };
      expect(admit()).toMatchObject({ build: { id: "old" }, publicName: "alias" });
    });

    it("the desired one when nobody serves either", () => {
      previews = { new: refusedFor("concurrency"), old: NOBODY };
      expect(admit().build.id).toBe("new");
    });

    it("the previous one to wait for, when nobody could ever serve the desired one", () => {
      previews = { new: refusedFor("offline_or_untrusted"), old: refusedFor("concurrency") };
      expect(admit()).toMatchObject({ build: { id: "old" }, publicName: "alias" });
      previews = { new: refusedFor("concurrency"), old: refusedFor("concurrency") };
      expect(admit().build.id).toBe("new");
    });

    it("not the previous one where the operator sheds it", () => {
      previews = { new: refusedFor("concurrency"), old: SOMEBODY };
      expect(admit({}, { shed: ["old"] }).build.id).toBe("new");
    });

    it("for who prefers own machines, first what one of these could serve", () => {
      previews = { new: SOMEBODY, old: SOMEBODY };
      probes = { alias_probe: ({ build, route }) => route === "prefer" || build === "old" };
      expect(admit({}, { input: { ownMachines: "preferred" } })).toMatchObject({ build: { id: "old" }, spec: { route: "prefer" } });
      probes = { alias_probe: ({ route }) => route !== "self" };
      expect(admit({}, { input: { ownMachines: "preferred" } }).build.id).toBe("new");
    });
  });
});
