import { gzipSync } from "node:zlib";
import { TELEMETRY_LIMITS } from "@umbel/protocol";
import { REFUSAL_REASONS } from "@umbel/routing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProviderClient, testModel } from "../../fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { ADVICE } from "./advice.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";

type Body = Record<string, unknown>;

let test: TestCoordinator;
let token: string;
let alice: string;

beforeAll(async () => {
  test = await startTestCoordinator({ adminKey: ADMIN_KEY, financialRate_perSecond: "0" });
  await test.key({ accountId: "alice" });
  token = await test.providerToken("alice");
  alice = await test.session("alice");
});
afterAll(() => test.close());

describe("why a machine gets no work", () => {
  const machine = (options: Parameters<TestCoordinator["provider"]>[0] = {}): Promise<ProviderClient> =>
    test.provider({ authToken: token, serve: (request) => request.answer("hi"), ...options });
  const listed = async (as = alice) => (await test.get("/v1/me/providers", as)).body as { data: readonly Body[] };
  const why = async (id: unknown, query = "", as = alice) => test.get(`/v1/me/providers/${id}/why${query}`, as);
  /** The machine that connected last, as its owner sees it. */
  async function latest(): Promise<Body> {
    const [first] = (await listed()).data;
    return first ?? {};
  }

  it("is nothing for a healthy one: its place among the others is told", async () => {
    const provider = await machine();
    const { id, status, routing } = await latest();
    expect({ status, routing }).toMatchObject({ status: "online", routing: { state: "gets_work", builds: [{ rank: 1, competitors: 1 }] } });
    const { body } = await why(id);
    expect(body).toMatchObject({ state: "gets_work", reason: null, lately: { chosen: 0, asked: 0 } });
    expect((body as Body)["words"]).toContain("nobody has asked for a model that it offers in that time");
    const openai = await test.client(await test.key({ accountId: "bob" }));
    await openai.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hello" }] });
    expect((await why(id, `?model=${MODEL}`)).body).toMatchObject({ state: "gets_work", lately: { chosen: 1, failed: 0, asked: 1 } });
    expect((await why(id, "?model=another")).body).toMatchObject({ state: "no_work", reason: "no_models" });
    provider.kill();
  });

  it.each([
    ["serves its owner only", { privateOnly: true }, "private_only", /X-Umbel-Route/],
    ["offers a build that the catalogue does not have", { models: [testModel({ id: "unheard-of" })] }, "not_in_catalog", /catalogue/],
    ["has other weights", { models: [testModel({ weight_hash: "00".repeat(32) })] }, "not_in_catalog", /exactly its files/],
  ])("is told when it %s, with what to do", async (_what, options, reason, advice) => {
    const provider = await machine(options);
    const { id, routing } = await latest();
    expect(routing).toMatchObject({ state: "no_work", reason, advice: expect.stringMatching(advice) });
    expect((await why(id)).body).toMatchObject({
      state: "no_work",
      reason,
      words: expect.arrayContaining([expect.stringContaining(reason)]),
    });
    provider.kill();
  });

  it("is told when it is not connected", async () => {
    const provider = await machine();
    const { id } = await latest();
    provider.kill();
    for (;;) {
      const { body } = await why(id);
      if ((body as Body)["state"] === "no_work") {
        expect(body).toMatchObject({ reason: "offline", advice: expect.stringContaining("umbel provider start"), builds: [] });
        break;
      }
    }
  });

  it("is told to its owner, signed in or on the machine itself, and to nobody else", async () => {
    const provider = await machine();
    const { id } = await latest();
    expect((await why(id, "", token)).status).toBe(200);
    // On the machine itself nobody knows what it is called in public.
    expect((await why(provider.machineId, "", token)).body).toMatchObject({ id });
    const bob = await test.session("bob");
    expect((await why(id, "", bob)).status).toBe(404);
    expect((await listed(bob)).data).toEqual([]);
    expect((await why(id, "", await test.key({ accountId: "alice" }))).status).toBe(403);
    expect((await test.get("/v1/me/providers")).status).toBe(401);
    const text = JSON.stringify([await listed(), (await why(id)).body]);
    expect(text).not.toContain(provider.sessionId);
    expect(text).not.toContain(provider.machineId);
  });

  it("has a history: when it was connected, why that ended, and what it has counted in all its life", async () => {
    const provider = await machine();
    const history = async (as = token) =>
      (await test.get(`/v1/me/providers/${provider.machineId}/sessions?limit=2`, as)) as { status: number; body: { data: Body[] } };
    const lifetime = async () => (await latest())["lifetime"];
    const before = (await lifetime()) as { requests_served: number };
    provider.heartbeat(undefined, {}, { requests_served: 3, tokens_generated: 50 });
    await expect.poll(lifetime).toMatchObject({ requests_served: before.requests_served + 3, errors: 0 });
    expect((await history()).body.data).toMatchObject([{ closed_at: null, reason: null, version: "1.0.0" }]);
    provider.kill();
    await expect.poll(async () => (await history()).body.data[0]?.["reason"]).toBe("socket_error");
    const again = await machine({ device: provider.device });
    again.heartbeat(undefined, {}, { requests_served: 4, tokens_generated: 60 });
    // It began to count from nothing: its program was started anew.
    await expect.poll(lifetime).toMatchObject({ requests_served: before.requests_served + 7, errors: 0 });
    expect((await history()).body.data).toMatchObject([{ closed_at: null }, { reason: "socket_error" }]);
    expect((await history(await test.session("bob"))).status).toBe(404);
    again.kill();
  });

  it("ends when its owner takes it off the account, at once if no other machine has its token; what is held against it stays", async () => {
    const own = { authToken: await test.providerToken("alice") };
    const provider = await machine(own);
    const { id } = await latest();
    const remove = async (as: string) => {
      const headers = { authorization: `Bearer ${as}` };
      const response = await fetch(`${test.url}/v1/me/providers/${id}`, { method: "DELETE", headers });
      return { status: response.status, body: await response.json() };
    };
    const twin = await machine(own);
    expect(await remove(alice)).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
    expect(await remove(await test.session("bob"))).toMatchObject({ status: 404 });
    expect(await remove(token)).toMatchObject({ status: 403 });
    twin.kill();
    await expect.poll(() => remove(alice), { timeout: 10_000 }).toEqual({ status: 200, body: { id, status: "unlinked" } });
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "auth_token_invalid" });
    expect(await provider.closed).toEqual({ code: 1008, reason: "auth_token_invalid" });
    expect(await remove(alice)).toMatchObject({ status: 404 });
    expect((await listed()).data.map((row) => row["id"])).not.toContain(id);
    expect((await why(id)).status).toBe(404);
  });

  it("has advice for every reason", () => {
    for (const reason of REFUSAL_REASONS) expect(ADVICE[reason].length).toBeGreaterThan(10);
  });
});

describe("what machines tell of themselves", () => {
  const EVENT = { message: "worker_ended", version: "9.9.9", fields: { signal: "SIGSEGV", prompt: "the heron" } };

  async function send(body: string | object, as?: string) {
    const headers = { "content-type": "application/json", ...(as === undefined ? {} : { authorization: `Bearer ${as}` }) };
    const response = await fetch(`${test.url}/v1/telemetry/events`, {
      method: "POST",
      headers,
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const reply = (await response.json()) as Body & { readonly error?: Body };
    return { status: response.status, retryAfter: response.headers.get("retry-after"), reply, code: reply.error?.["code"] };
  }
  const events = (count: number, change: object = {}) => ({ events: new Array(count).fill({ ...EVENT, ...change }) });
  const asked = async (path: string) => (await test.get(path, ADMIN_KEY)).body as { readonly data: readonly Body[]; readonly next: string };

  it("is taken down, with whose it is, and shown to the operator, one by one and by what it is about", async () => {
    const own = await test.providerToken("alice");
    const id = "6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f";
    const said = { events: [{ ...EVENT, id, source: "provider", machine_id: "tok:other", account_id: "bob" }, { message: "a sentence" }] };
    expect(await send(said, own)).toMatchObject({ status: 202, reply: { accepted: 1, rejected: 1 } });
    // What is sent again because its answer was lost is kept once.
    expect((await send(said, own)).status).toBe(202);
    const { data } = await asked("/v1/admin/telemetry?version=9.9.9");
    expect(data).toMatchObject([
      {
        event_id: id,
        ...{ source: "provider", kind: "backend_crash", severity: "error", account_id: "alice", fields: { signal: "SIGSEGV" } },
        machine: expect.stringMatching(/^tok:[0-9a-f]{16}$/),
      },
    ]);
    expect((await asked("/v1/admin/telemetry/groups?kind=backend_crash")).data).toMatchObject([
      { message: "worker_ended", words: expect.any(String), events: 1, machines: 1, versions: ["9.9.9"] },
    ]);
    expect((await asked("/v1/admin/telemetry?severity=fatal")).data).toEqual([]);
    const page = await asked("/v1/admin/telemetry?limit=1");
    expect((await asked(`/v1/admin/telemetry?limit=1&after=${page.next}`)).data).toEqual([]);
    expect((await test.get("/v1/admin/telemetry?colour=red", ADMIN_KEY)).status).toBe(400);
  });

  it.each<[string, string | object, number, string | undefined]>([
    ["nothing at all", { events: [] }, 200, undefined],
    ["what is no JSON", "{", 400, "invalid_request_error"],
    ["what is no list", { events: {} }, 400, "bad_request"],
    [`more than ${TELEMETRY_LIMITS.events_max} events`, events(TELEMETRY_LIMITS.events_max + 1), 413, "payload_too_large"],
    [
      `more than ${TELEMETRY_LIMITS.body_bytes_max} bytes`,
      events(1, { stack: "x".repeat(TELEMETRY_LIMITS.body_bytes_max) }),
      413,
      "payload_too_large",
    ],
  ])("with %s is answered", async (_, body, status, code) => {
    expect(await send(body, await test.providerToken("alice"))).toMatchObject({ status, code });
  });

  it("is taken of one machine up to 200 events at once, and of everybody unknown in a network 30", async () => {
    const own = await test.providerToken("alice");
    expect((await send(events(100), own)).status).toBe(202);
    expect((await send(events(100), own)).status).toBe(202);
    const over = await send(events(100), own);
    expect(over).toMatchObject({ status: 429, code: "rate_limit_exceeded", retryAfter: expect.stringMatching(/^\d+$/) });
    // Another machine of the account has its own.
    expect((await send(events(100), await test.providerToken("alice"))).status).toBe(202);
    expect((await send(events(30))).status).toBe(202);
    // A credential that is none is nobody known, and no error.
    expect(await send(events(1), `umbel-pt-${"0".repeat(64)}`)).toMatchObject({ status: 429 });
    expect((await asked("/v1/admin/telemetry?source=app&limit=1")).data).toMatchObject([{ machine: null, account_id: null }]);
  });
});

describe("a log report of a machine", () => {
  const LINES = '{"msg":"the worker ended"}\n'.repeat(3);
  async function report(body: string | Uint8Array<ArrayBuffer>, as: string, headers: Record<string, string> = {}) {
    const response = await fetch(`${test.url}/v1/provider/log-report`, {
      method: "POST",
      headers: { authorization: `Bearer ${as}`, "content-type": "application/octet-stream", ...headers },
      body,
    });
    return { status: response.status, reply: (await response.json()) as Body };
  }
  const listed = async (path: string, as: string) => ((await test.get(path, as)).body as { readonly data: readonly Body[] }).data;

  it("is kept under the machine of its token, read by the operator, and listed and deleted by its owner alone", async () => {
    const own = await test.providerToken("alice");
    const provider = await test.provider({ authToken: own, serve: (request) => request.answer("hi") });
    const stored = await report(gzipSync(LINES), own, { "content-encoding": "gzip" });
    expect(stored).toMatchObject({ status: 201, reply: { status: "stored", size_bytes: LINES.length } });
    const { id, machine } = stored.reply;
    const [first] = await listed(`/v1/admin/log-reports?machine=${String(machine)}`, ADMIN_KEY);
    expect(first).toMatchObject({ id, machine, account_id: "alice", size_bytes: LINES.length, provider: expect.stringMatching(/\S/) });
    // Its pseudonym names it, too.
    expect(await listed(`/v1/admin/log-reports?machine=${String(first?.["provider"])}`, ADMIN_KEY)).toMatchObject([{ id }]);
    provider.kill();
    const read = await fetch(`${test.url}/v1/admin/log-reports/${String(id)}`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect([read.headers.get("content-type"), await read.text()]).toEqual(["text/plain; charset=utf-8", LINES]);
    expect(await listed("/v1/me/log-reports", alice)).toMatchObject([{ id }]);
    const bob = await test.session("bob");
    expect(await listed("/v1/me/log-reports", bob)).toEqual([]);
    const remove = (as: string) =>
      fetch(`${test.url}/v1/me/log-reports/${String(id)}`, { method: "DELETE", headers: { authorization: `Bearer ${as}` } });
    expect((await remove(bob)).status).toBe(404);
    expect((await remove(alice)).status).toBe(200);
    expect((await test.get(`/v1/admin/log-reports/${String(id)}`, ADMIN_KEY)).status).toBe(404);
  });

  it.each<[string, string | Uint8Array<ArrayBuffer>, Record<string, string>, number]>([
    ["nothing", "", {}, 400],
    ["what is not what its encoding says", LINES, { "content-encoding": "gzip" }, 400],
    ["more than 10 MiB", new Uint8Array(TELEMETRY_LIMITS.report_bytes_max + 1).fill(120), {}, 413],
    [
      "more than 10 MiB, made small",
      gzipSync(Buffer.alloc(TELEMETRY_LIMITS.report_bytes_max + 1, "x")),
      { "content-encoding": "gzip" },
      413,
    ],
    ["lines as they are", LINES, {}, 201],
  ])("with %s is answered", async (_, body, headers, status) => {
    expect((await report(body, await test.providerToken("alice"), headers)).status).toBe(status);
  });

  it("comes five times at once and no more", async () => {
    const own = await test.providerToken("alice");
    const statuses: number[] = [];
    for (let sent = 0; sent < 6; sent += 1) statuses.push((await report(LINES, own)).status);
    expect(statuses).toEqual([201, 201, 201, 201, 201, 429]);
  });
});
