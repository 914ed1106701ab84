import { createPublicKey, type KeyObject, randomUUID } from "node:crypto";
import type { Clock } from "@umbel/protocol";
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { accountRepository, externalIdentityRepository, type Store } from "../../store/index.js";
import { AccountsUnavailableError } from "../accounts-error.js";
import { ask } from "../ask.js";

export const ISSUER_LIMITS = {
  /** How much another clock may differ from ours. Source: money.md §2. */
  leeway_s: 30,
  /** Keys are fetched again after so long, and for a key that is not among them at most so often. Source: console.md §2.2. */
  keys_ms: 10 * 60_000,
  refetch_ms: 60_000,
  fetch_ms: 5_000,
  subject_characters_max: 255,
  /** An account's address is taken over from its issuer at most so often. Source: money.md §2. */
  email_ms: 24 * 3_600_000,
} as const;

/** Never `none`, never one with a shared secret. */
const ALGORITHMS = ["RS256", "ES256", "EdDSA"];

/** Somebody else's identity provider, whose tokens this coordinator takes. */
export interface ExternalIssuer {
  readonly issuer: string;
  readonly audience: string;
  /** Absent is found from the issuer (OpenID Connect Discovery), unless there is a fixed key. */
  readonly jwksUri?: string;
  /** The one key that its tokens are signed with, as PEM. */
  readonly publicKey?: string;
  /** The claim that makes an operator of who has one of `adminValues` in it. */
  readonly adminClaim?: string;
  readonly adminValues?: readonly string[];
}

/** Whom a token stands for. */
export interface ExternalPerson {
  readonly accountId: string;
  readonly operator: boolean;
  /** When this person last proved who they are, as far as the issuer says. */
  readonly provenAt: Date;
}

/** People of other identity providers, by their tokens. */
export interface ExternalIssuers {
  /** Whether a token says that it is of one of them. Nothing is checked. */
  claims(token: string): boolean;
  /**
   * Whose the token is; the account comes into being with its first token. Undefined for a token that is not valid, or of an account that has ended.
   *
   * @throws AccountsUnavailableError the database, or the issuer's keys, cannot be reached
   */
  read(token: string): Promise<ExternalPerson | undefined>;
}

interface ExternalIssuersDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly issuers: readonly ExternalIssuer[];
  /** Default: the machine's. */
  readonly fetch?: typeof fetch;
}

const CLAIMS = z.looseObject({
  sub: z.string().min(1).max(ISSUER_LIMITS.subject_characters_max),
  iat: z.number().optional(),
  auth_time: z.number().optional(),
  email: z.email().max(254).optional().catch(undefined),
  name: z.string().optional().catch(undefined),
});

export function createExternalIssuers(dependencies: ExternalIssuersDependencies): ExternalIssuers {
  const { store, clock, issuers } = dependencies;
  const keysOf = new Map(issuers.map((issuer) => [issuer.issuer, keySource(issuer, dependencies)]));
  const byName = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));

  async function verified(token: string): Promise<{ readonly issuer: ExternalIssuer; readonly payload: JWTPayload } | undefined> {
    const name = issuerOf(token);
    const issuer = name === undefined ? undefined : byName.get(name);
    const keys = name === undefined ? undefined : keysOf.get(name);
    if (issuer === undefined || keys === undefined) return undefined;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: issuer.issuer,
        audience: issuer.audience,
        algorithms: ALGORITHMS,
        clockTolerance: ISSUER_LIMITS.leeway_s,
        currentDate: clock.date(),
        requiredClaims: ["exp", "sub"],
      });
      return { issuer, payload };
    } catch (error) {
      if (isUnreachable(error)) throw new AccountsUnavailableError({ cause: error });
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  /** Of several first tokens of one subject, all get the one account. */
  async function accountOf(issuer: string, { sub: subject, email, name }: z.output<typeof CLAIMS>): Promise<string | undefined> {
    const at = clock.date();
    const address = email?.toLowerCase();
    const found = await ask(externalIdentityRepository.find(store.db, issuer, subject), clock);
    if (found !== undefined) {
      if (found.erasedAt !== null) return undefined;
      const isDue = found.emailCheckedAt === null || at.getTime() - found.emailCheckedAt.getTime() >= ISSUER_LIMITS.email_ms;
      if (isDue && address !== undefined) {
        await ask(externalIdentityRepository.setEmail(store.db, { issuer, subject, accountId: found.accountId }, address, at), clock);
      }
      return found.accountId;
    }
    const accountId = randomUUID();
    const made = store.transaction(async (tx) => {
      const label = (name ?? "").replace(/\p{Cc}/gu, "").slice(0, 200);
      const contact = address === undefined ? { emailPending: true } : { email: address };
      await accountRepository.insertIfAbsent(tx, accountId, label, contact);
      const identity = { issuer, subject, accountId, createdAt: at, emailCheckedAt: address === undefined ? null : at };
      if (!(await externalIdentityRepository.insert(tx, identity))) throw new Quicker();
    });
    try {
      await ask(made, clock);
      return accountId;
    } catch (error) {
      if (!(error instanceof Quicker)) throw error;
      return (await ask(externalIdentityRepository.find(store.db, issuer, subject), clock))?.accountId;
    }
  }

  return {
    claims(token) {
      const name = issuerOf(token);
      return name !== undefined && byName.has(name);
    },
    async read(token) {
      const known = await verified(token);
      const claims = CLAIMS.safeParse(known?.payload);
      if (known === undefined || !claims.success) return undefined;
      const accountId = await accountOf(known.issuer.issuer, claims.data);
      if (accountId === undefined) return undefined;
      const { auth_time, iat = 0 } = claims.data;
      return { accountId, operator: isOperator(known.issuer, known.payload), provenAt: new Date((auth_time ?? iat) * 1_000) };
    },
  };
}

/** Somebody else has made the account meanwhile; what this one began is undone. */
class Quicker extends Error {}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    // Not every token is one of these.
    return undefined;
  }
}

function isOperator({ adminClaim, adminValues = [] }: ExternalIssuer, payload: JWTPayload): boolean {
  if (adminClaim === undefined) return false;
  const claim = payload[adminClaim];
  const values = Array.isArray(claim) ? claim : [claim];
  return values.some((value) => typeof value === "string" && adminValues.includes(value));
}

function keySource(issuer: ExternalIssuer, { fetch: fetchWith = fetch }: ExternalIssuersDependencies): JWTVerifyGetKey {
  if (issuer.publicKey !== undefined) {
    const key: KeyObject = createPublicKey(issuer.publicKey);
    return async () => key;
  }
  let remote: Promise<JWTVerifyGetKey> | undefined;
  const find = async (): Promise<JWTVerifyGetKey> => {
    const jwksUri = issuer.jwksUri ?? (await discovered(issuer.issuer, fetchWith));
    // jose's own key set: fetched when it is old, and for an unknown key no sooner than the cool-down says.
    return createRemoteJWKSet(new URL(jwksUri), {
      cacheMaxAge: ISSUER_LIMITS.keys_ms,
      cooldownDuration: ISSUER_LIMITS.refetch_ms,
      timeoutDuration: ISSUER_LIMITS.fetch_ms,
      [customFetch]: fetchWith,
    });
  };
  return async (header, token) => {
    remote ??= find();
    remote.catch(() => {
      remote = undefined;
    });
    return (await remote)(header, token);
  };
}

async function discovered(issuer: string, fetchWith: typeof fetch): Promise<string> {
  const signal = AbortSignal.timeout(ISSUER_LIMITS.fetch_ms);
  const response = await fetchWith(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, { signal, redirect: "error" });
  if (!response.ok) throw new KeysUnreachable();
  const { jwks_uri } = z.object({ jwks_uri: z.url() }).parse(await response.json());
  return jwks_uri;
}

class KeysUnreachable extends Error {}

/** Whether a failure says nothing of the token, but of the way to the issuer's keys. */
function isUnreachable(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof KeysUnreachable || error instanceof z.ZodError) return true;
  if (error instanceof errors.JOSEError) return error.code === "ERR_JOSE_GENERIC" || error instanceof errors.JWKSInvalid;
  return error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError");
}
