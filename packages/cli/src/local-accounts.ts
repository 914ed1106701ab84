/**
 * The accounts of a network that runs on one machine: `local` consumes with a starter credit, `local-provider` owns the bundled provider.
 * Their secrets live in 0600 files under the home, so that a second start shows the same key.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Accounts, Ledger } from "@umbel/coordinator";

export const LOCAL_ACCOUNT = "local";
export const LOCAL_PROVIDER_ACCOUNT = "local-provider";
/** Relative to the home. */
export const LOCAL_KEY_FILE = "local-api-key";
export const PROVIDER_TOKEN_FILE = "local-provider-token";

/** Enough for millions of tokens of the bundled model: 5 USD. */
const STARTER_CREDIT_microUsd = 5_000_000n;

/** Creates what is missing. Safe to repeat: the starter credit is given once. */
export async function ensureLocalAccounts(
  home: string,
  accounts: Accounts,
  ledger: Ledger,
): Promise<{ readonly apiKey: string; readonly providerToken: string }> {
  await accounts.ensureAccount(LOCAL_ACCOUNT, "This machine");
  await accounts.ensureAccount(LOCAL_PROVIDER_ACCOUNT, "Provider on this machine");
  await ledger.credit({
    accountId: LOCAL_ACCOUNT,
    amount_microUsd: STARTER_CREDIT_microUsd,
    kind: "admin_credit",
    idempotencyKey: `admin:starter:${LOCAL_ACCOUNT}`,
    reference: "starter credit",
  });
  return {
    apiKey: await ensureSecret(path.join(home, LOCAL_KEY_FILE), {
      isValid: async (secret) => (await accounts.authenticate(secret))?.accountId === LOCAL_ACCOUNT,
      create: async () => (await accounts.createKey({ accountId: LOCAL_ACCOUNT, name: "local" })).secret,
    }),
    providerToken: await ensureSecret(path.join(home, PROVIDER_TOKEN_FILE), {
      isValid: async (secret) => (await accounts.providerAccount(secret)) === LOCAL_PROVIDER_ACCOUNT,
      create: () => accounts.issueProviderToken(LOCAL_PROVIDER_ACCOUNT, "this machine"),
    }),
  };
}

async function ensureSecret(
  file: string,
  secret: { readonly isValid: (value: string) => Promise<boolean>; readonly create: () => Promise<string> },
): Promise<string> {
  const kept = await readSecret(file);
  if (kept !== undefined && (await secret.isValid(kept))) return kept;
  const fresh = await secret.create();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, `${fresh}\n`, { mode: 0o600, flag: "wx" });
  await rename(draft, file);
  return fresh;
}

async function readSecret(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
