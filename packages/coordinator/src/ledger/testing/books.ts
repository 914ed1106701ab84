import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Usage } from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll } from "vitest";
import type { Store } from "../../store/index.js";
import {
  createLedger,
  type HoldRequest,
  type Ledger,
  type LedgerEvent,
  type LedgerOptions,
  type ServedBy,
  type Settlement,
} from "../index.js";
import { FALLBACK_PRICES } from "../price.js";

/** A ledger for tests, on a clock that stands still. */
export interface Books {
  readonly ledger: Ledger;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly events: LedgerEvent[];
  readonly instanceId: string;
  readonly spillPath: string;
}

export async function openBooks(
  store: Store,
  overrides: Partial<LedgerOptions> & { clock?: Books["clock"]; spillPath?: string } = {},
): Promise<Books> {
  const clock = overrides.clock ?? createFakeClock();
  const events: LedgerEvent[] = [];
  const instanceId = overrides.instanceId ?? randomUUID();
  const spillPath = overrides.spillPath ?? newSpillPath();
  const settings = { deadInstances: "all_others" as const, ...overrides.settings };
  const onEvent = (event: LedgerEvent) => events.push(event);
  const ledger = await createLedger({ store, clock, instanceId, spill: spillPath, onEvent, random: () => 0.5, settings });
  return { ledger, clock, events, instanceId, spillPath };
}

const directory = mkdtempSync(path.join(os.tmpdir(), "umbel-spill-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

export function newSpillPath(): string {
  return path.join(directory, `${randomUUID()}.jsonl`);
}

/** A consumer with money, by a fresh id. */
export async function fund(ledger: Ledger, amount_microUsd: bigint, accountId = `consumer-${randomUUID()}`): Promise<string> {
  await ledger.credit({ accountId, amount_microUsd, kind: "deposit", idempotencyKey: `fund:${accountId}`, reference: "test" });
  return accountId;
}

/** Somebody with a row of facts, and money. */
export async function person(
  ledger: Ledger,
  store: Store,
  { role = "", funds_microUsd }: { readonly role?: "" | "service"; readonly funds_microUsd: bigint },
): Promise<string> {
  const accountId = await fund(ledger, funds_microUsd, `person-${randomUUID()}`);
  await store.client`insert into users (account_id, display_name, role) values (${accountId}, '', ${role})`;
  return accountId;
}

/** A request of 1,000 prompt and 1,000 output tokens at most: 250 µUSD at fallback prices. */
export function request(accountId: string, overrides: Partial<HoldRequest> = {}): HoldRequest {
  return {
    requestId: randomUUID(),
    accountId,
    keyId: undefined,
    build: "build",
    publicModel: "model",
    promptBound_tokens: 1_000,
    outputBound_tokens: 1_000,
    prices: FALLBACK_PRICES,
    ...overrides,
  };
}

export function usage(prompt_tokens: number, completion_tokens: number): Usage {
  return { prompt_tokens, completion_tokens, reasoning_tokens: 0, cached_prompt_tokens: 0 };
}

export function machine(accountId: string | undefined): ServedBy {
  return { sessionId: "session", machineId: "machine", accountId };
}

export function terminal(requestId: string, overrides: Partial<Settlement> = {}): Settlement {
  return { requestId, usage: usage(400, 100), servedBy: machine("provider"), reason: "complete", ...overrides };
}
