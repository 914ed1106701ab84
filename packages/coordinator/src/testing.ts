import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import OpenAI from "openai";
import { createAccounts, createSessions, type NewKey } from "./accounts/index.js";
import { createCatalog } from "./catalog/index.js";
import { buildOf } from "./catalog/testing.js";
import { loadSettings, type SettingName } from "./config/index.js";
import { ProviderClient, type ProviderClientOptions, TEST_BUILD, testModel } from "./fleet/testing/index.js";
import { createLedger } from "./ledger/index.js";
import { layCable } from "./ledger/testing/cable.js";
import { type RunningCoordinator, type StartOptions, startCoordinator } from "./main.js";
import { type FakeStripe, startFakeStripe } from "./payments/testing/index.js";
import { createTestDatabase } from "./store/testing.js";
import { ownIdentity } from "./wiring/index.js";

export { type S3Server, startS3Server } from "./objects/testing/index.js";
export { type FakeStripe, startFakeStripe, startPayoutChain } from "./payments/testing/index.js";
export { createTestDatabase, type TestDatabase } from "./store/testing.js";

/** Name by which tests ask for the one model. */
export const MODEL = "test-model";
const BUILD = buildOf(TEST_BUILD, { contextLength_tokens: 8_192 });
/** Name by which tests ask for vectors. */
export const EMBEDDING_MODEL = "test-embedding-model";
const EMBEDDING_BUILD = buildOf("test-embedding-build", { capabilities: ["embedding"] });
/** What a provider offers that makes vectors. */
export const OFFERED_EMBEDDING = testModel({
  id: EMBEDDING_BUILD.id,
  weight_hash: EMBEDDING_BUILD.weightHash,
  capabilities: ["embedding"],
});

/** A coordinator as it is started for real, over a database of its own, with a funded account and whatever providers a test connects. */
export interface TestCoordinator {
  readonly url: string;
  readonly running: RunningCoordinator;
  readonly home: string;
  readonly databaseUrl: string;
  /** Log lines so far. */
  readonly log: readonly string[];
  /** A fresh key of an account; `credit_microUsd` is given once an account. */
  key(options?: Partial<NewKey> & { readonly credit_microUsd?: bigint }): Promise<string>;
  client(apiKey?: string): Promise<OpenAI>;
  /** A token of somebody who has signed in to an account. */
  session(accountId: string): Promise<string>;
  /** A token that makes a provider an account's own. */
  providerToken(accountId: string): Promise<string>;
  /** A provider that is connected, proven and idle. */
  provider(options?: Partial<ProviderClientOptions>): Promise<ProviderClient>;
  /** `GET` with a key, or without. */
  get(pathname: string, apiKey?: string): Promise<{ readonly status: number; readonly headers: Headers; readonly body: unknown }>;
  /** `POST` of anything to chat completions. */
  post(
    body: string | FormData | ReadableStream,
    options?: { readonly apiKey?: string; readonly headers?: Record<string, string> },
  ): Promise<Response>;
  /** Cuts the coordinator off its database. */
  cutDatabase(): void;
  /** Resolves when nothing of the account is held, with what can be spent. */
  settledBalance(apiKey: string): Promise<number>;
  close(): Promise<void>;
}

export async function startTestCoordinator(
  settings: Partial<Record<SettingName, string>> = {},
  options: Pick<StartOptions, "consoleDirectory" | "bundledModels" | "clock"> = {},
): Promise<TestCoordinator> {
  const home = mkdtempSync(path.join(tmpdir(), "umbel-test-"));
  const database = await createTestDatabase();
  const { store } = database;
  const catalog = await createCatalog({ store, clock: systemClock, onRefreshFailed: () => undefined });
  await catalog.register(BUILD);
  await catalog.setAlias({ id: MODEL, displayName: "Test", desired: BUILD.id });
  await catalog.register(EMBEDDING_BUILD);
  await catalog.setAlias({ id: EMBEDDING_MODEL, displayName: "Test vectors", desired: EMBEDDING_BUILD.id });
  await catalog.close();
  const accounts = await createAccounts({ store, clock: systemClock });
  const ledger = await createLedger({
    store,
    clock: systemClock,
    instanceId: "test-tools",
    spill: path.join(home, "tools-spill.jsonl"),
  });

  const cable = await layCable(database.databaseUrl);
  const log: string[] = [];
  const overrides = { home, port: "0", databaseUrl: cable.databaseUrl, publicRate_perSecond: "0", ...settings };
  const running = await startCoordinator(loadSettings({ env: {}, overrides }), {
    ...options,
    log: { write: (line) => void log.push(line) },
  });
  const providers: ProviderClient[] = [];
  const test: TestCoordinator = {
    url: running.url,
    running,
    home,
    databaseUrl: database.databaseUrl,
    log,
    async key({ credit_microUsd = 1_000_000n, ...options } = {}) {
      const accountId = options.accountId ?? "alice";
      await accounts.ensureAccount(accountId, accountId);
      const credit = { kind: "deposit", idempotencyKey: `credit:${accountId}`, reference: "test" } as const;
      if (credit_microUsd > 0n) await ledger.credit({ accountId, amount_microUsd: credit_microUsd, ...credit });
      return (await accounts.createKey({ accountId, ...options })).secret;
    },
    async session(accountId) {
      const identity = await ownIdentity(home);
      return createSessions({ identity, clock: systemClock }).issue(accountId);
    },
    async providerToken(accountId) {
      await accounts.ensureAccount(accountId, accountId);
      return accounts.issueProviderToken(accountId, "test");
    },
    client: async (apiKey) => new OpenAI({ baseURL: `${running.url}/v1`, apiKey: apiKey ?? (await test.key()), maxRetries: 0 }),
    async provider(options) {
      const provider = await ProviderClient.connect({
        url: `${running.url.replace("http", "ws")}/ws/provider`,
        now: () => new Date(),
        models: [testModel({ weight_hash: BUILD.weightHash })],
        ...options,
      });
      providers.push(provider);
      return provider;
    },
    async get(pathname, apiKey) {
      const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
      const response = await fetch(`${running.url}${pathname}`, { headers });
      return { status: response.status, headers: response.headers, body: await response.json() };
    },
    async post(body, options = {}) {
      const authorization = `Bearer ${options.apiKey ?? (await test.key())}`;
      const headers = { authorization, "content-type": "application/json", ...options.headers };
      return fetch(`${running.url}/v1/chat/completions`, {
        method: "POST",
        headers,
        body,
        ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
      });
    },
    cutDatabase: () => cable.pull(),
    async settledBalance(apiKey) {
      for (;;) {
        const { body } = await test.get("/v1/payments/balance", apiKey);
        const { balance_micro_usd, held_micro_usd } = body as { balance_micro_usd: number; held_micro_usd: number };
        if (held_micro_usd === 0) return balance_micro_usd;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async close() {
      await running.close();
      for (const provider of providers) provider.kill();
      await ledger.close(0);
      await accounts.close();
      cable.close();
      await database.close();
      rmSync(home, { recursive: true });
    },
  };
  return test;
}

/** A coordinator that takes cards and pays to banks, and what plays Stripe for it. Changes of money are not held up. */
export async function startPaymentTest(
  ...[settings, options]: Parameters<typeof startTestCoordinator>
): Promise<{ readonly test: TestCoordinator; readonly stripe: FakeStripe; close(): Promise<void> }> {
  const stripe = await startFakeStripe(systemClock);
  const payments = {
    financialRate_perSecond: "0",
    publicUrl: "https://umbel.example",
    stripeSecretKey: stripe.secretKey,
    stripeApiUrl: stripe.url,
    stripeWebhookSecret: stripe.secrets.account,
    stripeConnectWebhookSecret: stripe.secrets.connect,
  };
  const test = await startTestCoordinator({ ...payments, ...settings }, options);
  return {
    test,
    stripe,
    async close() {
      await test.close();
      await stripe.close();
    },
  };
}
