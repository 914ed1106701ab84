import { randomUUID } from "node:crypto";
import path from "node:path";
import {
  type Accounts,
  AccountsError,
  type Administration,
  AdministrationError,
  createAccounts,
  createAdministration,
  createLedger,
  type Ledger,
  loadSettings,
  openStore,
  SettingsError,
} from "@umbel/coordinator";
import { systemClock } from "@umbel/protocol/native";
import { CliError, EXIT_CODES } from "./exit-codes.js";
import { asStartError } from "./start-error.js";

/**
 * Opens the accounts and the books of the coordinator whose home this is, whether it runs or not, and closes them after `work`. A database that
 * runs is shared with the coordinator; one that does not is started for the time being.
 */
export async function withMoneyAndAccounts<T>(
  home: string,
  work: (services: { readonly accounts: Accounts; readonly ledger: Ledger; readonly administration: Administration }) => Promise<T>,
): Promise<T> {
  const settings = readSettings({ home });
  const store = await openStore(settings.databaseUrl === undefined ? { home } : { databaseUrl: settings.databaseUrl }).catch(asStartError);
  try {
    const accounts = await createAccounts({ store, clock: systemClock });
    const ledger = await createLedger({
      store,
      clock: systemClock,
      instanceId: `command-${randomUUID()}`,
      spill: path.join(home, "settlement-spill.jsonl"),
    });
    try {
      return await work({ accounts, ledger, administration: createAdministration({ store, clock: systemClock }) }).catch(asRefusal);
    } finally {
      await ledger.close(0);
      await accounts.close();
    }
  } finally {
    await store.close();
  }
}

/** Settings from the environment with what the command line said on top. @throws CliError that lists every problem. */
export function readSettings(overrides: Parameters<typeof loadSettings>[0]["overrides"]): ReturnType<typeof loadSettings> {
  try {
    return loadSettings({ env: process.env, ...(overrides === undefined ? {} : { overrides }) });
  } catch (error) {
    if (error instanceof SettingsError)
      throw new CliError(error.message, EXIT_CODES.configuration, "docs/operators.md says where the settings are described.");
    throw error;
  }
}

/** What is not as a command takes it to be, by the code of its refusal. */
const STANDING: Readonly<Record<string, string>> = {
  unknown_account: "See accounts with: umbel admin users",
  ambiguous_email: "Give --account; see accounts with: umbel admin users",
  key_reused: "Something else was done under this key. Give another --idempotency-key.",
};

/** Else a value that the accounts do not take is the command line's fault. @throws always */
function asRefusal(error: unknown): never {
  const remedy = error instanceof AdministrationError ? STANDING[error.code] : undefined;
  if (error instanceof AdministrationError && remedy !== undefined) {
    const message = `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`;
    throw new CliError(message, EXIT_CODES.failure, remedy, { cause: error });
  }
  if (error instanceof AccountsError || error instanceof AdministrationError)
    throw new CliError(error.message, EXIT_CODES.usage, "Change the option that it names.", { cause: error });
  throw error;
}
