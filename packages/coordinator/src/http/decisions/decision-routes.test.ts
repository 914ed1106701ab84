import { replayDecision } from "@umbel/routing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProviderClient, ServedRequest } from "../../fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "tell nobody about the walrus" }] };
const PUBLIC_ID = /^mach_[0-9a-f]{16}$/;

type Shown = Record<string, unknown> & { readonly attempts: readonly (Record<string, unknown> & { readonly words: readonly string[] })[] };

describe("why requests went where they went", () => {
  let test: TestCoordinator;
  let alice: string;
  let bob: string;
  let failing: ProviderClient;
  let steady: ProviderClient;
  /** Of a request that a first machine failed and a second one answered. */
  let job: string;
  let clientId: string;

  beforeAll(async () => {
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, decisionSample: "1" });
    [alice, bob] = await Promise.all([test.key({ accountId: "alice" }), test.key({ accountId: "bob" })]);
    failing = await test.provider({ serve: (request) => request.fail("internal") });
    steady = await test.provider({ serve: (request) => request.answer("fine") });
    await test.provider({ privateOnly: true, authToken: await test.providerToken("bob") });
    const openai = await test.client(alice);
    // Whichever of the two equals comes first: until the failing one was tried.
    for (;;) {
      const { response } = await openai.chat.completions.create(ASK, { headers: { "X-Request-ID": "my-own-id" } }).withResponse();
      job = response.headers.get("x-inference-job-id") ?? "";
      clientId = response.headers.get("x-request-id") ?? "";
      if ((await explained(job)).attempts.length === 2) break;
    }
    await test.settledBalance(alice);
  });
  afterAll(() => test.close());

  async function explained(id: string, token = ADMIN_KEY, route = "/v1/admin/decisions"): Promise<Shown> {
    return (await test.get(`${route}/${id}`, token)).body as Shown;
  }

  it("is told to the operator, attempt by attempt, in words and figures", async () => {
    const { attempts, ...request } = await explained(job);
    expect(request).toMatchObject({ request_id: job, client_request_id: "my-own-id", model: MODEL, final_status: "success" });
    expect(request["summary"]).toMatch(/^mach_[0-9a-f]{16} answered after 2 attempts/);
    expect(attempts).toMatchObject([
      {
        attempt: 0,
        kind: "first",
        outcome: "selected",
        provider: expect.stringMatching(PUBLIC_ID),
        result: {
          final_status: "error",
          error_class: "provider_error_before_response",
          error_reason: "internal",
          client_outcome: "unaware",
        },
      },
      {
        attempt: 1,
        kind: "retry",
        outcome: "selected",
        refusals: expect.arrayContaining([expect.objectContaining({ reason: "excluded", machines: 1 })]),
        cost: { total_ms: expect.any(Number), terms: { decode: expect.any(Number) } },
        machine: { version: expect.any(String), slot: { state: "idle" } },
        result: {
          final_status: "success",
          client_outcome: "answered",
          provider_outcome: "completed",
          billing_outcome: "charged",
          committed: true,
          completion_tokens: expect.any(Number),
          ttft_ms: expect.any(Number),
          timing: { route_us: expect.any(Number) },
        },
      },
    ]);
    expect(attempts[1]?.words.join("\n")).toMatch(/refused 1 machine \(excluded\)/);
    expect(attempts[1]?.words.join("\n")).toMatch(/refused 1 machine \(private_only\)/);
    expect(attempts[0]?.words).toContain("the consumer did not notice: another machine was asked");
  });

  it("is told with each machine that was not chosen, and can be made again from what was kept", async () => {
    const { attempts } = await explained(job);
    const names = new Set(attempts.map((attempt) => attempt["provider"]));
    for (const { refused_machines, runners_up, provider, audit } of attempts as readonly Record<string, unknown>[]) {
      expect(refused_machines).toContainEqual({
        provider: expect.stringMatching(PUBLIC_ID),
        reason: "private_only",
        words: expect.any(String),
      });
      const others = [...(refused_machines as { provider: string }[]), ...(runners_up as { provider: string }[])].map(
        (one) => one.provider,
      );
      expect(others).toEqual(expect.arrayContaining([...names].filter((name) => name !== provider)));
      expect(replayDecision(JSON.stringify(audit))).toMatchObject({ outcome: "same", winner: { providerId: provider } });
    }
  });

  it("is told to whoever made the request, by either of its ids, and to nobody else", async () => {
    const own = await explained(job, alice, "/v1/decisions");
    expect(own).toMatchObject({
      request_id: job,
      attempts: [{ provider: expect.stringMatching(PUBLIC_ID) }, { result: { committed: true } }],
    });
    expect((await explained(clientId, alice, "/v1/decisions"))["request_id"]).toBe(job);
    expect((await test.get(`/v1/decisions/${job}`, bob)).status).toBe(404);
    expect((await test.get(`/v1/decisions/${job}`)).status).toBe(401);
    expect((await test.get(`/v1/admin/decisions/${job}`, alice)).status).toBe(403);
    expect((await test.get("/v1/admin/decisions/no-such-request", ADMIN_KEY)).status).toBe(404);
  });

  it("names machines by pseudonyms only, and nothing of what was asked", async () => {
    const texts = await Promise.all([
      explained(job).then((shown) => JSON.stringify(shown)),
      explained(job, alice, "/v1/decisions").then((shown) => JSON.stringify(shown)),
      fetch(`${test.url}/v1/admin/decisions/export`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } }).then((file) => file.text()),
    ]);
    for (const text of texts) {
      for (const machine of [failing, steady]) {
        expect(text).not.toContain(machine.sessionId);
        // The operator's record holds it, because who is placed by it must be found again.
        if (text !== texts[0]) expect(text).not.toContain(machine.machineId);
      }
      expect(text).not.toContain("walrus");
      expect(text).not.toContain("alice");
    }
  });

  it("is browsed by filters, page after page", async () => {
    const browse = async (query: string) => (await test.get(`/v1/admin/decisions?${query}`, ADMIN_KEY)).body as Record<string, unknown>;
    const all = (await browse("")) as { readonly data: readonly { readonly request_id: string; readonly attempt: number }[] };
    expect(all.data.length).toBeGreaterThanOrEqual(2);
    expect(await browse("final_status=error")).toMatchObject({ data: [{ request_id: job, attempt: 0 }], next: null });
    expect(await browse("model=another")).toMatchObject({ data: [] });
    expect(await browse("until=2020-01-01T00:00:00Z&since=2019-01-01T00:00:00Z")).toMatchObject({ data: [] });
    const seen: unknown[] = [];
    for (let after: unknown = ""; after !== null; ) {
      const page = await browse(`limit=1${after === "" ? "" : `&after=${after}`}`);
      seen.push(...(page["data"] as unknown[]));
      after = page["next"];
    }
    expect(seen).toEqual(all.data);
  });

  it.each(["since=yesterday", "limit=0", "limit=50001", "outcome=maybe", "after=nowhere", "who=me"])("refuses ?%s", async (query) => {
    expect((await test.get(`/v1/admin/decisions?${query}`, ADMIN_KEY)).status).toBe(400);
  });

  it.each([
    ["csv", /^request_id,client_request_id,attempt,/],
    ["ndjson", /^\{"request_id":/],
  ])("is exported as %s", async (format, beginning) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const response = await fetch(`${test.url}/v1/admin/decisions/export?format=${format}&final_status=error`, { headers });
    expect(response.headers.get("content-disposition")).toMatch(new RegExp(`^attachment; filename="decisions-[0-9T-]+\\.${format}"$`));
    const text = await response.text();
    expect(text).toMatch(beginning);
    expect(text).toContain(job);
  });

  it("adds up to what routing is held to", async () => {
    const openai = await test.client(alice);
    const calibration = async () =>
      (await test.get("/v1/admin/calibration?since=1h", ADMIN_KEY)).body as { readonly rows: readonly object[] };
    // First attempts that succeed are what counts: until the steady machine came first.
    while ((await calibration()).rows.length === 0) {
      await openai.chat.completions.create(ASK);
      await test.settledBalance(alice);
    }
    expect(await calibration()).toMatchObject({
      rows: [{ build: "test-build", answers: expect.any(Number), solo_answers: expect.any(Number), expected_ttft_ms: expect.any(Number) }],
      proposals: [],
    });
    expect((await test.get("/v1/admin/calibration?since=soon", ADMIN_KEY)).status).toBe(400);
  });

  it("is recorded for requests that nobody answers, too", async () => {
    failing.kill();
    steady.kill();
    const online = async () => Number(Object((await test.get("/health")).body)["providers"]);
    while ((await online()) > 1) await new Promise(setImmediate);
    const last = await test.provider({ serve: (request) => request.fail("client_request") });
    const openai = await test.client(alice);
    await openai.chat.completions.create(ASK, { headers: { "X-Request-ID": "refused" } }).catch(() => undefined);
    expect(await explained("refused")).toMatchObject({
      final_status: "error",
      attempts: [
        {
          provider: expect.stringMatching(PUBLIC_ID),
          result: { error_reason: "client_request", client_outcome: "refused", billing_outcome: "released", committed: false },
        },
      ],
    });
    last.kill();
  });
});

describe("a decision's record", () => {
  const rowsOf = async (test: TestCoordinator) =>
    ((await test.get("/v1/admin/decisions", ADMIN_KEY)).body as { readonly data: readonly Record<string, unknown>[] }).data;

  it("is left by every surface, each of which tries another machine when the first refuses", async () => {
    const test = await startTestCoordinator({ adminKey: ADMIN_KEY });
    const serve = (request: ServedRequest) => (request.message.attempt === 0 ? request.fail("capacity_slots") : request.answer("hello"));
    await Promise.all([test.provider({ serve }), test.provider({ serve })]);
    const headers = { authorization: `Bearer ${await test.key()}`, "content-type": "application/json" };
    const messages = [{ role: "user", content: "hello" }];
    const bodies: Readonly<Record<string, object>> = {
      "/v1/chat/completions": { messages },
      "/v1/responses": { input: "hello" },
      "/v1/completions": { prompt: "hello", max_tokens: 16 },
      "/v1/messages": { messages, max_tokens: 16 },
    };
    for (const [surface, body] of Object.entries(bodies)) {
      const init = { method: "POST", headers, body: JSON.stringify({ model: MODEL, ...body }) };
      const response = await fetch(`${test.url}${surface}`, init);
      expect({ surface, status: response.status }).toEqual({ surface, status: 200 });
      await response.text();
    }
    const attempts = (await rowsOf(test)).map(({ surface, kind }) => `${surface} ${kind}`);
    const expected = Object.keys(bodies).flatMap((surface) => [`${surface} first`, `${surface} retry`]);
    expect(attempts.sort()).toEqual(expected.sort());
    await test.close();
  });

  it("is left by the machine that was asked too late, and by the one that was asked because of it", async () => {
    const test = await startTestCoordinator({ adminKey: ADMIN_KEY, firstContentBase_ms: "1s", firstContentPerToken_ms: "0" });
    let asked = 0;
    const serve = async (request: ServedRequest): Promise<void> => {
      asked += 1;
      if (asked > 1) await request.answer("here I am");
      else request.accept();
    };
    await Promise.all([test.provider({ serve }), test.provider({ serve })]);
    const openai = await test.client();
    const answer = await openai.chat.completions.create(ASK);
    expect(answer.choices[0]?.message.content).toBe("here I am");
    const rows = await rowsOf(test);
    expect(rows.map(({ kind, attempt }) => [attempt, kind]).sort()).toEqual([
      [0, "first"],
      [1, "hedge"],
    ]);
    expect(rows.find(({ kind }) => kind === "first")).toMatchObject({
      error_class: "hedge_loser",
      client_outcome: "unaware",
      used_hedge: true,
    });
    expect(rows.find(({ kind }) => kind === "hedge")).toMatchObject({ final_status: "success", used_hedge: true, hedge_won: true });
    const [{ request_id } = {}] = rows;
    const { body } = await test.get(`/v1/admin/decisions/${request_id}`, ADMIN_KEY);
    expect(body).toMatchObject({ final_status: "success", summary: expect.stringContaining("answered") });
    expect(JSON.stringify(body)).toContain("second machine asked at the same time, because the first was slow to begin");
    await test.close();
  });
});
