import { createHmac } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import {
  accountRepository,
  type DeviceCodeRow,
  deviceCodeRepository,
  personSessionRepository,
  providerTokenRepository,
  type Store,
  type Tx,
} from "../store/index.js";
import { AccountsError } from "./accounts-error.js";
import { ask } from "./ask.js";
import { ACCOUNT_LIMITS } from "./rules.js";
import { hashSecret, newProviderToken, newProviderTokenId, newSessionSecret } from "./secrets.js";
import { beginSession } from "./sign-in/person-sessions.js";

/** Source: money.md §4, RFC 8628. */
export const DEVICE_LIMITS = {
  expires_s: 900,
  interval_s: 5,
  /** Added to the interval of whoever asks too often (RFC 8628 §3.5). */
  slowDown_s: 5,
  /** A sleeping process that wakes, or a clock that is read coarsely, is not too often. */
  slack_ms: 500,
  interval_s_max: 60,
  userCodeTries_max: 5,
  /** For how long a token is handed out again to whoever knows the nonce of its code: its first answer may have been lost. */
  repeat_ms: 60_000,
  /** Of what a machine says of itself. */
  text_characters_max: 100,
  /** How long a code that has expired can still be told apart from one that never was. */
  kept_ms: 24 * 3_600_000,
} as const;

/** Without letters and digits that look alike. Source: money.md §4. */
const ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const USER_CODE_characters = 8;
const DEVICE_CODE_bytes = 32;

/** What a machine says of itself when it asks to be linked, for whoever decides. */
export interface AskingMachine {
  readonly clientName: string;
  readonly platform: string;
  /** The network that it asked from, truncated. */
  readonly network: string;
  /** `machine`: to serve and earn for an account. `person`: to do all that its owner could, as a program that has signed in. */
  readonly purpose: "machine" | "person";
  /** SHA-256 of something that the machine keeps to itself, in hex: then the token goes to whoever knows that, and again if it was lost. */
  readonly clientNonceHash?: string | undefined;
}

export type PollOutcome =
  | { readonly status: "pending" }
  | { readonly status: "slow_down"; readonly interval_s: number }
  | { readonly status: "denied" }
  /** It was approved for an account of nobody who signs in here. */
  | { readonly status: "nobody" }
  | { readonly status: "expired" }
  /** `expiresAt`: of a machine's token; null is until it is revoked. */
  | { readonly status: "authorized"; readonly token: string; readonly accountId: string; readonly expiresAt: Date | null };

/** `unknown`, `expired` and `used` are codes that cannot be decided on. */
export type CodeState = "pending" | "unknown" | "expired" | "used";

/** Links machines to accounts by a code that their owner approves (RFC 8628). Every method throws AccountsUnavailableError without an answer. */
export interface DeviceLinking {
  begin(machine: AskingMachine): Promise<{ readonly deviceCode: string; readonly userCode: string }>;
  /** Hands the token out once; to whoever knows the code's nonce the same one again, for a minute. @throws AccountsError `too_many` */
  poll(deviceCode: string, clientNonce?: string): Promise<PollOutcome>;
  /** The machine that shows this code, for whoever is to decide. */
  pending(userCode: string): Promise<{ readonly state: CodeState; readonly machine?: AskingMachine; readonly askedAt?: Date }>;
  /** `pending` is: decided just now. */
  decide(accountId: string, userCode: string, decision: "approved" | "denied"): Promise<CodeState>;
  /** Removes what has long expired. */
  sweep(): Promise<void>;
}

export function createDeviceLinking(dependencies: {
  readonly store: Store;
  readonly clock: Clock;
  readonly randomBytes: (length: number) => Uint8Array;
  /** How long a program stays signed in without being used. */
  readonly session_ms: number;
  /** How long a machine's token is good for; 0 is until it is revoked. */
  readonly providerToken_ms: number;
  /** From which tokens are made that can be handed out again. */
  readonly tokenSecret: Uint8Array;
}): DeviceLinking {
  const { store, clock, randomBytes, session_ms, providerToken_ms, tokenSecret } = dependencies;

  /** Of the token of a code with a nonce: as random as the secret for all who lack it, and the same each time. */
  function tokenBytes(deviceCode: string, clientNonce: string | undefined): Buffer | undefined {
    if (clientNonce === undefined) return undefined;
    return createHmac("sha256", tokenSecret).update(deviceCode).update(clientNonce).digest();
  }

  /** The token that was handed out for a code a moment ago, if it still stands. */
  async function again(tx: Tx, { purpose, consumedAt }: DeviceCodeRow, bytes: Buffer | undefined, at: Date): Promise<PollOutcome> {
    const isLately = consumedAt !== null && at.getTime() - consumedAt.getTime() <= DEVICE_LIMITS.repeat_ms;
    if (!isLately || bytes === undefined) return { status: "expired" };
    const { secret: token, hash } = purpose === "person" ? newSessionSecret(bytes) : newProviderToken(bytes);
    if (purpose === "person") {
      const session = await personSessionRepository.usable(tx, hash, at);
      return session === undefined ? { status: "expired" } : { status: "authorized", token, accountId: session.userId, expiresAt: null };
    }
    const link = await providerTokenRepository.usable(tx, hash, at);
    return link === undefined
      ? { status: "expired" }
      : { status: "authorized", token, accountId: link.accountId, expiresAt: link.expiresAt };
  }

  async function stateOf(userCode: string) {
    const hash = userCodeHash(userCode);
    const row = hash === undefined ? undefined : await ask(deviceCodeRepository.byUserCode(store.db, hash), clock);
    if (row === undefined) return { state: "unknown" as const };
    if (row.expiresAt <= clock.date()) return { state: "expired" as const };
    return row.status === "pending" ? { state: "pending" as const, row } : { state: "used" as const };
  }

  return {
    async begin(machine) {
      const createdAt = clock.date();
      const deviceCode = Buffer.from(randomBytes(DEVICE_CODE_bytes)).toString("hex");
      const row = {
        deviceCodeHash: hashSecret(deviceCode),
        clientName: shownText(machine.clientName),
        platform: shownText(machine.platform),
        network: shownText(machine.network),
        purpose: machine.purpose,
        clientNonceHash: machine.clientNonceHash ?? null,
        interval_s: DEVICE_LIMITS.interval_s,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + DEVICE_LIMITS.expires_s * 1_000),
      };
      for (let tries = 0; tries < DEVICE_LIMITS.userCodeTries_max; tries++) {
        const userCode = newUserCode(randomBytes);
        const inserted = await ask(deviceCodeRepository.insert(store.db, { ...row, userCodeHash: hashSecret(userCode) }), clock);
        if (inserted) return { deviceCode, userCode: `${userCode.slice(0, 4)}-${userCode.slice(4)}` };
      }
      throw new Error("no user code was free");
    },

    async poll(deviceCode, clientNonce) {
      const hash = hashSecret(deviceCode);
      const outcome = store.transaction(async (tx): Promise<PollOutcome> => {
        const at = clock.date();
        const row = await deviceCodeRepository.byDeviceCode(tx, hash);
        // Of one that never was, or that somebody else has begun, no more is told than of one that is over.
        if (row === undefined) return { status: "expired" };
        const { clientNonceHash } = row;
        if (clientNonceHash !== null && (clientNonce === undefined || hashSecret(clientNonce) !== clientNonceHash))
          return { status: "expired" };
        const bytes = tokenBytes(deviceCode, clientNonceHash === null ? undefined : clientNonce);
        if (row.status === "consumed") return again(tx, row, bytes, at);
        if (row.expiresAt <= at) return { status: "expired" };
        const sinceLast_ms = row.lastPollAt === null ? Number.POSITIVE_INFINITY : at.getTime() - row.lastPollAt.getTime();
        if (sinceLast_ms < row.interval_s * 1_000 - DEVICE_LIMITS.slack_ms) {
          const interval_s = Math.min(row.interval_s + DEVICE_LIMITS.slowDown_s, DEVICE_LIMITS.interval_s_max);
          await deviceCodeRepository.polled(tx, hash, { lastPollAt: at, interval_s });
          return { status: "slow_down", interval_s };
        }
        await deviceCodeRepository.polled(tx, hash, { lastPollAt: at, interval_s: row.interval_s });
        if (row.status === "denied") return { status: "denied" };
        const accountId = row.status === "approved" ? await deviceCodeRepository.consume(tx, hash, at) : undefined;
        if (accountId === undefined) return { status: "pending" };
        if (row.purpose === "person") {
          const program = { userAgent: `umbel on ${row.clientName} (${row.platform})`, network: row.network };
          const token = await beginSession(tx, accountId, program, { at, session_ms, bytes });
          return token === undefined ? { status: "nobody" } : { status: "authorized", token, accountId, expiresAt: null };
        }
        await accountRepository.lock(tx, accountId);
        const limit = ACCOUNT_LIMITS.providerTokensPerAccount_max;
        if ((await providerTokenRepository.countOfAccount(tx, accountId)) >= limit) {
          throw new AccountsError("too_many", "provider_tokens", `at most ${limit} of one account; revoke some first`);
        }
        const { secret, hash: tokenHash } = newProviderToken(bytes);
        const expiresAt = providerToken_ms === 0 ? null : new Date(at.getTime() + providerToken_ms);
        const link = { id: newProviderTokenId(), tokenHash, accountId, label: row.clientName, createdAt: at, expiresAt };
        await providerTokenRepository.insert(tx, link);
        return { status: "authorized", token: secret, accountId, expiresAt };
      });
      return ask(outcome, clock);
    },

    async pending(userCode) {
      const { state, row } = await stateOf(userCode);
      if (row === undefined) return { state };
      const { clientName, platform, network, purpose, createdAt } = row;
      return { state, machine: { clientName, platform, network, purpose }, askedAt: createdAt };
    },

    async decide(accountId, userCode, status) {
      const hash = userCodeHash(userCode);
      if (hash === undefined) return "unknown";
      await ask(accountRepository.insertIfAbsent(store.db, accountId, accountId), clock);
      if (await ask(deviceCodeRepository.decide(store.db, hash, { status, accountId }, clock.date()), clock)) return "pending";
      const { state } = await stateOf(userCode);
      return state === "pending" ? "used" : state;
    },

    sweep: () => ask(deviceCodeRepository.removeOlderThan(store.db, new Date(clock.date().getTime() - DEVICE_LIMITS.kept_ms)), clock),
  };
}

/** Every letter is as likely as any other: bytes that would favour the first ones are drawn anew. */
function newUserCode(randomBytes: (length: number) => Uint8Array): string {
  const fair = 256 - (256 % ALPHABET.length);
  let code = "";
  while (code.length < USER_CODE_characters) {
    for (const byte of randomBytes(USER_CODE_characters)) {
      if (byte < fair && code.length < USER_CODE_characters) code += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return code;
}

/** As people type it: in any case, with or without the dash. Undefined for what no code can be. */
function userCodeHash(typed: string): string | undefined {
  const code = typed.toUpperCase().replace(/[\s-]/g, "");
  return new RegExp(`^[${ALPHABET}]{${USER_CODE_characters}}$`).test(code) ? hashSecret(code) : undefined;
}

/** What is shown on somebody's terminal must not steer it. */
function shownText(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, "?")
    .trim()
    .slice(0, DEVICE_LIMITS.text_characters_max);
}
