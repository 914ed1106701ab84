import type { Command } from "commander";

export function addAdminCommands(program: Command): void {
  const admin = program.command("admin").description("what the operator of a coordinator may see and do");
  admin
    .command("credit")
    .description("give money to an account, as one balanced transaction")
    .requiredOption("--account <id>", "account to credit")
    .requiredOption("--usd <amount>", "how much, e.g. 5 or 2.50")
    .option("--reference <text>", "why; kept in the ledger", "manual credit")
    .option("--idempotency-key <key>", "repeating a command with the same key credits once (default: a new key)")
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object")
    .action(async (options) => (await import("../run/admin.js")).creditAccount(options));
  addPublishingKeyCommands(admin);
  operator(admin.command("decisions"))
    .description("where requests went, latest first; `umbel explain <id>` says why")
    .option("--model <name>", "only this model: a build, or a name that consumers use")
    .option("--provider <id>", "only this machine, as X-Provider-Id names it")
    .option("--status <status>", "only success, partial_success, cancelled, error or timeout")
    .option("--since <time>", "a duration such as 30m or 7d, or a time", "24h")
    .option("--limit <number>", "rows at most", "50")
    .action(async (options) => (await import("../run/admin-decisions.js")).listDecisions(options));
}

/** Keys of pipelines that publish models. */
function addPublishingKeyCommands(admin: Command): void {
  const keys = admin.command("publishing-keys").description("keys that may change the catalogue, and do nothing else");
  operator(keys.command("create"))
    .description("make one; it is shown once")
    .argument("<name>", "what it is for; the audit shows it")
    .requiredOption("--scopes <list>", "any of register (drafts), promote (what is served), alias (names), release (provider program)")
    .option("--expires <date>", "when it ends, e.g. 2027-01-31 (default: never)")
    .action(async (name, options) => (await import("../run/admin-publishing-keys.js")).createPublishingKey(name, options));
  operator(keys.command("list"))
    .description("newest first, revoked ones too")
    .action(async (options) => (await import("../run/admin-publishing-keys.js")).listPublishingKeys(options));
  operator(keys.command("revoke"))
    .description("end one, for good")
    .argument("<id>", "of the key")
    .action(async (id, options) => (await import("../run/admin-publishing-keys.js")).revokePublishingKey(id, options));
}

function operator(command: Command): Command {
  return command
    .option("--base-url <url>", "API to ask", process.env["UMBEL_BASE_URL"] ?? "http://127.0.0.1:8080/v1")
    .option("--admin-key <key>", "the operator's key (default: UMBEL_ADMIN_KEY, else that of a coordinator on this machine)")
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
