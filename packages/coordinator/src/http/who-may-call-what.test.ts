import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { depositRepository, openStore, withdrawalRepository } from "../store/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../testing.js";
import { AUTH_ENDPOINTS } from "./sign-in/auth-endpoints.js";
import { letterTo, linkOf, type TestBrowser, testBrowser } from "./sign-in/testing/browser.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const RELEASE_KEY = "a-release-key-that-is-long-enough";
const KINDS = ["none", "key", "provider", "session", "publishing", "release", "admin"] as const;
type Kind = (typeof KINDS)[number];

/** Whom each kind of route lets in. A route that is added stands in exactly one of the lists below, or this file fails. Source: money.md §18. */
const LETS_IN = {
  everybody: KINDS,
  keys_and_people: ["key", "session"],
  keys_people_and_machines: ["key", "provider", "session"],
  people: ["session"],
  people_just_signed_in: ["session"],
  people_and_machines: ["provider", "session"],
  machines: ["provider"],
  operators: ["admin"],
  publishers: ["publishing", "admin"],
  releasers: ["publishing", "release", "admin"],
} as const satisfies Record<string, readonly Kind[]>;

const ROUTES: Readonly<Record<keyof typeof LETS_IN, readonly string[]>> = {
  everybody: [
    "GET /docs",
    "GET /health",
    "GET /api/version",
    "GET /install.ps1",
    "GET /install.sh",
    "GET /openapi.json",
    "GET /readyz",
    "GET /v1/billing/methods",
    "GET /v1/blobs/*",
    "GET /v1/catalog/keys",
    "GET /v1/config/public",
    "GET /v1/encryption-key",
    "GET /v1/leaderboard",
    "GET /v1/models/capacity",
    "GET /v1/models/catalog",
    "GET /v1/models/catalog/*",
    "GET /v1/models/catalog/manifest/*",
    "GET /v1/network/totals",
    "GET /v1/pricing",
    "GET /v1/provider/earnings",
    "GET /v1/releases/:version",
    "GET /v1/releases/latest",
    "GET /v1/runtime/manifest",
    "GET /v1/stats",
    "POST /v1/admin/auth/init",
    "POST /v1/admin/auth/verify",
    "POST /v1/billing/stripe/connect/webhook",
    "POST /v1/billing/stripe/webhook",
    "POST /v1/device/code",
    "POST /v1/device/token",
    "POST /v1/setup",
    "POST /v1/telemetry/events",
  ],
  keys_and_people: [
    "GET /v1/billing/deposits",
    "GET /v1/billing/stripe/session",
    "GET /v1/billing/wallet/balance",
    "GET /v1/decisions/:id",
    "GET /v1/generation",
    "GET /v1/key",
    "GET /v1/me/statements",
    "GET /v1/me/statements/:file",
    "GET /v1/models",
    "GET /v1/models/*",
    "GET /v1/models/openrouter",
    "GET /v1/payments/ledger",
    "GET /v1/payments/usage",
    "GET /v1/payments/usage/summary",
    "GET /v1/referral/info",
    "GET /v1/referral/stats",
    "POST /v1/billing/stripe/create-session",
    ...["chat/completions", "completions", "embeddings", "messages", "messages/count_tokens", "responses", "responses/input_tokens"].map(
      (path) => `POST /v1/${path}`,
    ),
  ],
  keys_people_and_machines: ["GET /v1/payments/balance", "GET /v1/provider/account-earnings"],
  people: [
    "DELETE /v1/auth/keys",
    "DELETE /v1/keys/:id",
    "DELETE /v1/me/erase",
    "DELETE /v1/me/log-reports/:id",
    "DELETE /v1/me/provider-tokens/:id",
    "DELETE /v1/me/providers/:id",
    "DELETE /v1/me/sessions/:id",
    "DELETE /v1/pricing",
    "GET /v1/billing/chain/address",
    "GET /v1/billing/stripe/status",
    "GET /v1/billing/stripe/withdrawals",
    "GET /v1/billing/stripe/withdrawals/:id",
    "GET /v1/billing/withdrawals",
    "GET /v1/billing/withdrawals/:id",
    "GET /v1/device/pending",
    "GET /v1/keys",
    "GET /v1/keys/:id",
    "GET /v1/me",
    "GET /v1/me/erase",
    "GET /v1/me/export",
    "GET /v1/me/log-reports",
    "GET /v1/me/pricing",
    "GET /v1/me/provider-tokens",
    "GET /v1/me/sessions",
    "GET /v1/me/summary",
    "GET /v1/me/visibility",
    "PATCH /v1/keys/:id",
    "POST /v1/auth/keys",
    "POST /v1/billing/chain/challenge",
    "POST /v1/billing/stripe/onboard",
    "POST /v1/billing/withdraw/chain",
    "POST /v1/billing/withdraw/stripe",
    "POST /v1/device/approve",
    "POST /v1/device/deny",
    "POST /v1/invite/redeem",
    "POST /v1/keys",
    "POST /v1/keys/:id/rotate",
    "POST /v1/me/sessions/revoke-others",
    "POST /v1/referral/apply",
    "POST /v1/referral/register",
    "PUT /v1/me/visibility",
    "PUT /v1/pricing",
  ],
  people_just_signed_in: ["POST /v1/me/erase", "PUT /v1/billing/chain/address"],
  people_and_machines: [
    "DELETE /v1/device/token",
    "GET /v1/device/token",
    "GET /v1/me/providers",
    "GET /v1/me/providers/:id/earnings",
    "GET /v1/me/providers/:id/sessions",
    "GET /v1/me/providers/:id/why",
    "GET /v1/me/rewards",
  ],
  machines: ["POST /v1/provider/log-report"],
  operators: [
    "DELETE /v1/admin/invitations/:id",
    "DELETE /v1/admin/invite-codes",
    "DELETE /v1/admin/publishing-keys/:id",
    "DELETE /v1/admin/releases",
    "GET /v1/admin/audit",
    "GET /v1/admin/calibration",
    "GET /v1/admin/decisions",
    "GET /v1/admin/decisions/:id",
    "GET /v1/admin/decisions/export",
    "GET /v1/admin/invitations",
    "GET /v1/admin/base-rewards",
    "GET /v1/admin/hardware-caps",
    "GET /v1/admin/invite-codes",
    "GET /v1/admin/log-reports",
    "GET /v1/admin/log-reports/:id",
    "GET /v1/admin/money/health",
    "GET /v1/admin/providers/floor",
    "GET /v1/admin/publishing-keys",
    "GET /v1/admin/rejections",
    "GET /v1/admin/rejections/export",
    "GET /v1/admin/releases",
    "GET /v1/admin/settings",
    "GET /v1/admin/state-export",
    "GET /v1/admin/telemetry",
    "GET /v1/admin/telemetry/export",
    "GET /v1/admin/telemetry/groups",
    "GET /v1/admin/users",
    "GET /v1/admin/users/:id/ledger",
    "GET /v1/admin/utilization",
    "PUT /v1/admin/hardware-caps",
    "POST /v1/admin/credit",
    "POST /v1/admin/drain",
    "POST /v1/admin/invitations",
    "POST /v1/admin/invite-codes",
    "POST /v1/admin/publishing-keys",
    "POST /v1/admin/reward",
    "POST /v1/admin/users/:id/freeze",
    "POST /v1/admin/users/:id/merge",
    "POST /v1/admin/users/:id/unfreeze",
    "PUT /v1/admin/pricing",
    "PUT /v1/admin/providers/floor",
    "PUT /v1/admin/users/platform-fee",
    "PUT /v1/admin/users/role",
  ],
  publishers: [
    "DELETE /v1/admin/models/:id/versions/:version",
    "DELETE /v1/admin/models/aliases/:id",
    "GET /v1/admin/models",
    "GET /v1/admin/models/:id/versions",
    "GET /v1/admin/models/aliases",
    "POST /v1/admin/models/*",
    ...["capabilities", "deprecation", "openrouter-slug", "price", "promote", "revoke", "rollback", "runtime-parameters", "status"].map(
      (act) => `POST /v1/admin/models/:id/${act}`,
    ),
    "POST /v1/admin/models/aliases",
    "POST /v1/admin/models/aliases/:id/rollback",
    "POST /v1/admin/models/register",
  ],
  releasers: ["POST /v1/releases"],
};

/** What is sent where nothing would do something that the rest of this file cannot live with. */
const BODIES: Readonly<Record<string, object>> = { "POST /v1/admin/drain": { draining: false } };

/** Addresses that name something of an account's: another account is told the same of it as of one that is not there. */
const OWNED = [
  "DELETE /v1/keys/:id",
  "DELETE /v1/me/log-reports/:id",
  "DELETE /v1/me/provider-tokens/:id",
  "DELETE /v1/me/providers/:id",
  "DELETE /v1/me/sessions/:id",
  "GET /v1/billing/stripe/session",
  "GET /v1/billing/stripe/withdrawals/:id",
  "GET /v1/billing/withdrawals/:id",
  "GET /v1/decisions/:id",
  "GET /v1/keys/:id",
  "GET /v1/me/providers/:id/earnings",
  "GET /v1/me/providers/:id/sessions",
  "GET /v1/me/providers/:id/why",
  "PATCH /v1/keys/:id",
  "POST /v1/keys/:id/rotate",
] as const;
/** Addresses that name what belongs to nobody, to the operator, or to whoever calls; lists of one's own and the one request are tried in `books/`. */
const UNOWNED =
  /^\S+ \/(?:v1\/(?:admin\/|models|catalog\/|releases\/|blobs\/|me\/statements\/|payments\/usage|generation$)|api\/auth\/callback\/)/;

describe("who may call what", () => {
  let test: TestCoordinator;
  let browser: TestBrowser;
  const secrets: Partial<Record<Kind, string>> = {};

  beforeAll(async () => {
    const unlimited = { signInRate_perMinute: "0", signInRate_perHour: "0", financialRate_perSecond: "0" };
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, releaseKey: RELEASE_KEY, stateExport: "true", ...unlimited });
    const made = await fetch(`${test.url}/v1/admin/publishing-keys`, {
      method: "POST",
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      body: JSON.stringify({ name: "pipeline", scopes: ["register", "promote", "alias", "release"] }),
    });
    const { key } = (await made.json()) as { readonly key: string };
    Object.assign(secrets, { key: await test.key(), session: await test.session("alice"), publishing: key });
    Object.assign(secrets, { release: RELEASE_KEY, admin: ADMIN_KEY });
    browser = testBrowser(test.url);
    const mallory = { name: "Mallory", email: "mallory@example.org", password: "correct horse battery" };
    await browser.call("POST", "/api/auth/sign-up/email", mallory);
    await browser.call("GET", linkOf(await letterTo(test.home, mallory.email)));
    expect((await browser.call("POST", "/api/auth/sign-in/email", mallory)).status).toBe(200);
  });
  afterAll(() => test.close());

  const nameOf = ({ method, url }: { readonly method: string; readonly url: string }) => `${method} ${url}`;
  const apiRoutes = () => test.running.routes.filter(({ access, url }) => access !== "page" && !url.startsWith("/api/auth/"));
  /** The address of a route, with something that is not there wherever it names something. */
  const addressOf = (url: string) => url.replaceAll(/:\w+|\*/g, "nothing");

  /** An address that names this, in its path or in its query. */
  const naming = (url: string, id: string) => (url.includes(":id") ? url.replace(":id", id) : `${url}?id=${id}`);

  async function send(method: string, path: string, token: string | undefined, body: object = {}) {
    const response = await fetch(`${test.url}${path}`, {
      method,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json" },
      body: method === "GET" ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const { error } = text.startsWith("{") ? (JSON.parse(text) as { readonly error?: { readonly code: string } }) : {};
    return { status: response.status, code: error?.code };
  }

  it("is said of every route that the server has", () => {
    expect(Object.values(ROUTES).flat().sort()).toEqual([...new Set(apiRoutes().map(nameOf))].sort());
    const offered = AUTH_ENDPOINTS.map(({ method, path }) => `${method} /api/auth${path}`);
    const served = test.running.routes.filter(({ access, url }) => access === "sign_in" && url.startsWith("/api/")).map(nameOf);
    expect(served.sort()).toEqual(offered.sort());
  });

  it.each(Object.keys(LETS_IN) as (keyof typeof LETS_IN)[])("and holds for routes of %s, with every kind of credential", async (kind) => {
    for (const name of ROUTES[kind]) {
      const [method = "", url = ""] = name.split(" ");
      const reached: Kind[] = [];
      for (const credential of KINDS) {
        // A machine's token may revoke itself, so that each is used once.
        const secret = credential === "provider" ? await test.providerToken("alice") : secrets[credential];
        const { status } = await send(method, addressOf(url), secret, BODIES[name]);
        expect(status, `${name} with ${credential}`).not.toBe(500);
        if (status !== 401 && status !== 403) reached.push(credential);
      }
      expect(reached, name).toEqual(LETS_IN[kind]);
    }
  });

  it("and with a person's cookie nothing changes from another site's page", async () => {
    const writes = test.running.routes.filter(({ method, access }) => method !== "GET" && !["page", "public", "webhook"].includes(access));
    for (const { method, url } of writes) {
      const answer = await browser.call(method, addressOf(url), {}, { origin: "https://evil.example" });
      expect([401, 403], `${method} ${url}`).toContain(answer.status);
    }
    expect((await browser.call("GET", "/v1/me")).status).toBe(200);
  });

  it("and what is another account's is as good as not there", async () => {
    const named = test.running.routes.filter(({ ids, access }) => ids.length > 0 && access !== "page").map(nameOf);
    expect(named.filter((name) => !UNOWNED.test(name)).sort()).toEqual([...OWNED]);

    const alices = await thingsOfAlice();
    const bob = await test.session("bob");
    for (const name of OWNED) {
      const [method = "", url = ""] = name.split(" ");
      const { there, missing } = alices(url);
      const body = method === "PATCH" ? { name: "mine now" } : {};
      const foreign = await send(method, naming(url, there), bob, body);
      expect(foreign, name).toEqual(await send(method, naming(url, missing), bob, body));
      expect([403, 404], name).toContain(foreign.status);
    }
    // They were there all the time, and still are.
    const alice = secrets.session;
    const own = await Promise.all(
      OWNED.filter((name) => name.startsWith("GET")).map(async (name) => {
        const url = name.slice(4);
        return [name, (await send("GET", naming(url, alices(url).there), alice)).status];
      }),
    );
    expect(own).toEqual(OWNED.filter((name) => name.startsWith("GET")).map((name) => [name, 200]));
  });

  /** One of everything that an account can own and an address can name, and what is formed like it and not there. */
  async function thingsOfAlice() {
    const token = await test.providerToken("alice");
    await test.provider({ authToken: token, serve: (request) => request.answer("hi") });
    const authorization = `Bearer ${token}`;
    await fetch(`${test.url}/v1/provider/log-report`, { method: "POST", headers: { authorization }, body: "a line" });
    const openai = await test.client(secrets.key);
    const { response } = await openai.chat.completions
      .create({ model: MODEL, messages: [{ role: "user", content: "hello" }] })
      .withResponse();
    const list = async (path: string) => {
      const { data } = (await test.get(path, secrets.session)).body as { readonly data: readonly { readonly id: string }[] };
      return data[0]?.id ?? "";
    };
    const withdrawal = `wd_${"0".repeat(23)}1`;
    const amounts = { amount_microUsd: 2_000_000n, fee_microUsd: 0n, net_microUsd: 2_000_000n };
    const times = { createdAt: new Date(), updatedAt: new Date() };
    const fixed = { rail: "stripe", destination: "acct_1", method: "standard", status: "pending" } as const;
    const store = await openStore({ databaseUrl: test.databaseUrl });
    await withdrawalRepository.insert(store.db, { id: withdrawal, accountId: "alice", ...fixed, ...amounts, ...times });
    const deposit = `dep_${"0".repeat(23)}1`;
    const paid = {
      paymentMethod: "stripe",
      amount_microUsd: 2_000_000n,
      amount_cents: 200,
      status: "pending",
      createdAt: new Date(),
    } as const;
    await depositRepository.insert(store.db, { id: deposit, accountId: "alice", ...paid });
    await store.close();
    const things: Readonly<Record<string, string>> = {
      "/v1/billing/stripe/session": deposit,
      "/v1/billing/": withdrawal,
      "/v1/keys/": await list("/v1/keys"),
      "/v1/me/log-reports/": await list("/v1/me/log-reports"),
      "/v1/me/provider-tokens/": await list("/v1/me/provider-tokens"),
      "/v1/me/providers/": await list("/v1/me/providers"),
      "/v1/me/sessions/": String(((await browser.call("GET", "/v1/me")).body["session"] as { readonly id: string }).id),
      "/v1/decisions/": response.headers.get("x-inference-job-id") ?? "",
    };
    return (url: string) => {
      const there = Object.entries(things).find(([prefix]) => url.startsWith(prefix))?.[1] ?? "";
      expect(there, url).not.toBe("");
      const last = there.at(-1) === "0" ? "1" : "0";
      return { there, missing: `${there.slice(0, -1)}${last}` };
    };
  }
});
