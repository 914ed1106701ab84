import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ChatEvent, type ChatRequest, chatRequest } from "@umbel/dialects";
import { systemClock } from "@umbel/protocol/native";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { createAccounts, type Principal } from "../../accounts/index.js";
import { type CatalogService, createCatalog } from "../../catalog/index.js";
import { buildOf } from "../../catalog/testing.js";
import { loadSettings, type SettingName } from "../../config/index.js";
import type { Attempt, Fleet } from "../../fleet/index.js";
import {
  type ProviderClient,
  type ProviderClientOptions,
  startTestFleet,
  TEST_BUILD,
  type TestFleet,
  testModel,
  testSlot,
} from "../../fleet/testing/index.js";
import { createLogger, createMetrics, type DecisionRecorder, type Metrics } from "../../insight/index.js";
import { createLedger, type TokenPrices } from "../../ledger/index.js";
import { priceRepository } from "../../store/index.js";
import { createTestDatabase } from "../../store/testing.js";
import { createInference } from "../create-inference.js";
import type { Answer, Inference, InferenceInput } from "../types.js";
import { type WatchedLedger, watchLedger } from "./watched-ledger.js";

export type { WatchedLedger } from "./watched-ledger.js";

const TEST_ALIAS = "test";
const CONSUMERS = ["consumer", "other", "poor"] as const;
/** Of an account that has little. */
const LITTLE_microUsd = 1_000n;
const FUNDS_microUsd = 1_000_000_000n;
const BUILD = buildOf(TEST_BUILD, { contextLength_tokens: 8_192, defaults: { temperature: 0 } });

/** A provider's offer of the build that the test catalogue has. */
export const OFFERED_MODEL = testModel({ weight_hash: BUILD.weightHash });
/** A provider's report of one place. */
export const ONE_PLACE = [testSlot({ max_concurrency: 1 })];

/** A real database with a consumer who has funds, and a catalogue with one build behind one alias. One serves a test file. */
export interface TestBooks {
  readonly catalog: CatalogService;
  /** A ledger over the database, as of a fresh start of the coordinator. Its clock is the machine's: a database takes real time. */
  ledger(): Promise<WatchedLedger>;
  /** What a provider asks for the build. */
  ownPrice(accountId: string, prices: TokenPrices): Promise<void>;
  close(): Promise<void>;
}

export async function openTestBooks(): Promise<TestBooks> {
  const { store, close } = await createTestDatabase();
  const clock = createFakeClock();
  const directory = mkdtempSync(path.join(tmpdir(), "umbel-test-"));
  const catalog = await createCatalog({ store, clock, onRefreshFailed: () => undefined });
  await catalog.register(BUILD);
  await catalog.setAlias({ id: TEST_ALIAS, displayName: "Test", desired: BUILD.id });
  const accounts = await createAccounts({ store, clock });
  for (const account of CONSUMERS) await accounts.ensureAccount(account, account);
  await accounts.close();
  return {
    catalog,
    async ledger() {
      const ledger = await createLedger({
        store,
        clock: systemClock,
        instanceId: randomUUID(),
        spill: path.join(directory, "spill.jsonl"),
      });
      for (const accountId of CONSUMERS) {
        const credit = { kind: "deposit", idempotencyKey: `funds:${accountId}`, reference: "test" } as const;
        await ledger.credit({ accountId, amount_microUsd: accountId === "poor" ? LITTLE_microUsd : FUNDS_microUsd, ...credit });
      }
      return watchLedger(ledger);
    },
    ownPrice: (accountId, prices) => priceRepository.set(store.db, BUILD.id, prices, { actor: accountId, at: clock.date() }, accountId),
    async close() {
      await catalog.close();
      await close();
      rmSync(directory, { recursive: true });
    },
  };
}

const NOTHING_RECORDED: DecisionRecorder = {
  begin: () => undefined,
  record: () => undefined,
  attemptEnded: () => undefined,
  ended: () => undefined,
};

/** Inference over a real fleet and the real ledger, with a clock that stands still. */
export interface TestInference {
  readonly inference: Inference;
  readonly clock: FakeClock;
  readonly ledger: WatchedLedger;
  readonly fleet: TestFleet;
  readonly metrics: Metrics;
  /** Places reserved and not given back. */
  placesTaken(): number;
  /** A provider that is connected, proven and idle. */
  provider(options?: Partial<ProviderClientOptions>): Promise<ProviderClient>;
  ask(change?: Partial<ChatRequest>, input?: Partial<InferenceInput>): Promise<Answer>;
  /** Closes, and rejects when money is still held. */
  close(): Promise<void>;
}

export function testPrincipal(accountId: (typeof CONSUMERS)[number] = "consumer"): Principal {
  return { accountId, method: "api_key", key: undefined };
}

export async function startTestInference(
  books: TestBooks,
  options: { readonly settings?: Partial<Record<SettingName, string>>; readonly tokens?: Readonly<Record<string, string>> } = {},
): Promise<TestInference> {
  const fleet = await startTestFleet({ tokens: options.tokens ?? {} });
  const { clock } = fleet;
  const ledger = await books.ledger();
  const metrics = createMetrics();
  const places = new Set<Attempt>();
  const inference = createInference({
    catalog: books.catalog,
    fleet: { ...fleet.fleet, reserve: counting(fleet.fleet.reserve, places) },
    ledger,
    clock,
    metrics,
    decisions: NOTHING_RECORDED,
    places: { served: () => undefined },
    log: createLogger({ level: "silent" }),
    settings: loadSettings({ env: {}, overrides: options.settings ?? {} }),
    limits: { takeTokens: () => ({ headers: {}, giveBack: () => undefined, settle: () => undefined }) },
    random: () => 0.5,
    cacheScopeSalt: new Uint8Array(32),
  });
  return {
    inference,
    clock,
    ledger,
    fleet,
    metrics,
    placesTaken: () => places.size,
    provider: (own) => fleet.connect({ models: [OFFERED_MODEL], ...own }),
    ask: (change, input) =>
      inference.run({
        requestId: randomUUID(),
        principal: testPrincipal(),
        request: chatRequest.parse({
          model: TEST_ALIAS,
          messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }],
          ...change,
        }),
        stream: true,
        consumerGone: new AbortController().signal,
        ...input,
      }),
    async close() {
      await fleet.close();
      await ledger.allEnded();
      await ledger.close(1_000);
      const { held_microUsd } = await ledger.balance("consumer");
      if (held_microUsd !== 0n) throw new Error(`${held_microUsd} are still held`);
    },
  };
}

/** Notes which attempts have not been released. */
function counting(reserve: Fleet["reserve"], places: Set<Attempt>): Fleet["reserve"] {
  return (spec) => {
    const outcome = reserve(spec);
    if (outcome.ok) {
      const { attempt } = outcome;
      const release = attempt.release.bind(attempt);
      places.add(attempt);
      attempt.release = () => {
        places.delete(attempt);
        release();
      };
    }
    return outcome;
  };
}

/** Resolves when the coordinator has taken everything that the provider has sent so far. */
export async function arrived(provider: ProviderClient): Promise<void> {
  provider.sendText(JSON.stringify({ type: "sent_last" }));
  await provider.receive("protocol_error");
}

/** Reads an answer to its end. */
export async function readAll(answer: Answer): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const batch of answer.events) events.push(...batch);
  return events;
}

export function textOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === "text" ? event.text : "")).join("");
}
