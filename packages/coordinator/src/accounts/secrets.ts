import { createHash, randomBytes } from "node:crypto";
import { isSignedToken } from "./sessions.js";

const API_KEY_PREFIX = "sk-um-";
/** An API key to look at, and no key of an account: it never asks a model. */
const PUBLISHING_KEY_PREFIX = `${API_KEY_PREFIX}pub-`;
const PROVIDER_TOKEN_PREFIX = "umbel-pt-";
const SESSION_PREFIX = "umbel-st-";
const PROVIDER_TOKEN = new RegExp(`^${PROVIDER_TOKEN_PREFIX}[0-9a-f]{64}$`);
const SESSION_SECRET = new RegExp(`^${SESSION_PREFIX}[0-9a-f]{64}$`);
const PUBLISHING_KEY = new RegExp(`^${PUBLISHING_KEY_PREFIX}[0-9a-f]{64}$`);
const SECRET_BYTES = 32;
const ID_BYTES = 12;

/** Far above our own 73; anything longer is no credential and not worth hashing. */
export const TOKEN_CHARACTERS_MAX = 512;

/** A bearer secret: shown once, kept as its hash. 256 random bits need no slow hash (api.md §3.1). */
export interface NewSecret {
  readonly secret: string;
  readonly hash: string;
  /** First ten and last four characters, to recognise it by. */
  readonly label: string;
}

export const newApiKey = (): NewSecret => newSecret(API_KEY_PREFIX);
/** @param bytes of a token that can be made again; random ones otherwise */
export const newProviderToken = (bytes?: Uint8Array): NewSecret => newSecret(PROVIDER_TOKEN_PREFIX, bytes);
export const newSessionSecret = (bytes?: Uint8Array): NewSecret => newSecret(SESSION_PREFIX, bytes);
export const newPublishingKey = (): NewSecret => newSecret(PUBLISHING_KEY_PREFIX);
export const newPublishingKeyId = (): string => `pub_${randomBytes(ID_BYTES).toString("hex")}`;
export const newKeyId = (): string => `key_${randomBytes(ID_BYTES).toString("hex")}`;
export const newProviderTokenId = (): string => `pt_${randomBytes(ID_BYTES).toString("hex")}`;

/** Lower-case hex of the SHA-256 of the whole secret, prefix included. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** API keys may have any other form, so that keys with older prefixes keep working. */
export function isProviderToken(token: string): boolean {
  return PROVIDER_TOKEN.test(token);
}

/** Of somebody who has signed in here, as a browser's cookie or a program carries it. */
export function isSessionSecret(token: string): boolean {
  return SESSION_SECRET.test(token);
}

/** Of anybody who has signed in, here or elsewhere, as far as its form says. */
export function isSessionToken(token: string): boolean {
  return isSessionSecret(token) || isSignedToken(token);
}

export function isPublishingKey(token: string): boolean {
  return PUBLISHING_KEY.test(token);
}

export function isProviderTokenId(id: string): boolean {
  return /^pt_[0-9a-f]{24}$/.test(id);
}

export function isKeyId(id: string): boolean {
  return /^key_[0-9a-f]{24}$/.test(id);
}

function newSecret(prefix: string, bytes: Uint8Array = randomBytes(SECRET_BYTES)): NewSecret {
  const secret = prefix + Buffer.from(bytes).toString("hex");
  return { secret, hash: hashSecret(secret), label: `${secret.slice(0, 10)}...${secret.slice(-4)}` };
}
