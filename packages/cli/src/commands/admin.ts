import { type Command, Option } from "commander";
import { asBaseUrl, baseUrlOption } from "./base-url.js";

export function addAdminCommands(program: Command): void {
  const admin = program.command("admin").description("what the operator of a coordinator may see and do");
  addGiftCommand(admin, "credit", "give an account money to spend, as one balanced transaction");
  addGiftCommand(admin, "reward", "the same as if it were earned, so that it can be withdrawn");
  addAccountCommands(admin);
  addInviteCommands(admin);
  addInvitationCommands(admin);
  addBackupCommands(admin);
  addPublishingKeyCommands(admin);
  addMoneyCommand(admin);
  addReleaseCommands(admin);
  addTelemetryCommands(admin);
  operator(admin.command("decisions"))
    .description("where requests went, latest first; `umbel explain <id>` says why")
    .option("--model <name>", "only this model: a build, or a name that consumers use")
    .option("--provider <id>", "only this machine, as X-Provider-Id names it")
    .option("--status <status>", "only success, partial_success, cancelled, error or timeout")
    .option("--since <time>", "a duration such as 30m or 7d, or a time", "24h")
    .option("--limit <number>", "rows at most", "50")
    .action(async (options) => (await import("../run/admin-decisions.js")).listDecisions(options));
}

/** What machines tell of themselves, and what their owners send. */
function addTelemetryCommands(admin: Command): void {
  const run = () => import("../run/admin-telemetry.js");
  operator(admin.command("telemetry"))
    .description("what machines told of themselves: by what it is about, the most frequent first, or one by one")
    .option("--each", "one by one, latest first")
    .option("--kind <kind>", "only this kind, e.g. oom, backend_crash or connectivity")
    .option("--machine <id>", "only what came with this token (tok:…)")
    .option("--fingerprint <text>", "only events that are the same but for when and where")
    .option("--since <time>", "a duration such as 30m or 7d, or a time", "24h")
    .option("--limit <number>", "rows at most", "50")
    .action(async (options) => (await run()).showTelemetry(options));
  const reports = admin.command("log-reports").description("logs that owners of machines have sent");
  operator(reports.command("list"))
    .description("latest first")
    .option("--machine <id>", "only of this machine: its token (tok:…), or as X-Provider-Id names it")
    .option("--limit <number>", "rows at most", "10")
    .action(async (options) => (await run()).listLogReports(options));
  operator(reports.command("show"))
    .description("the lines of one")
    .argument("<id>", "as umbel admin log-reports list shows it")
    .option("-o, --output <file>", "where to write them (default: standard output)")
    .action(async (id, options) => (await run()).showLogReport(id, options));
}

/** Addresses that may make an account, where not everybody may. */
function addInvitationCommands(admin: Command): void {
  const run = () => import("../run/admin-invitations.js");
  const invitations = admin.command("invitations").description("addresses that may make an account, where registration is by invitation");
  operator(invitations.command("create"))
    .description("invite an address, by mail where the coordinator can send any")
    .argument("<email>", "the address")
    .action(async (email, options) => (await run()).invite(email, options));
  operator(invitations.command("list"))
    .description("the latest invitations, newest first")
    .action(async (options) => (await run()).listInvitations(options));
  operator(invitations.command("revoke"))
    .description("take an invitation back")
    .argument("<id>", "as umbel admin invitations list shows it")
    .action(async (id, options) => (await run()).revokeInvitation(id, options));
}

function addGiftCommand(admin: Command, name: "credit" | "reward", description: string): void {
  admin
    .command(name)
    .description(`${description}; the account is made if there is none`)
    .argument("[account]", "account to give it to, or its e-mail address")
    .option("--account <id>", "the same, always as an account's id")
    .option("--email <address>", "the account that has this e-mail address, instead")
    .requiredOption("--usd <amount>", "how much, e.g. 5 or 2.50")
    .option("--note <text>", "why; kept in the ledger and the audit", `manual ${name}`)
    .addOption(new Option("--reference <text>", "the same").hideHelp())
    .option("--idempotency-key <key>", "repeating a command with the same key gives once (default: a new key)")
    .option("--base-url <url>", "ask the coordinator there, instead of the database of this machine's home", asBaseUrl)
    .option("--admin-key <key>", "the operator's key, for --base-url (default: UMBEL_ADMIN_KEY, else that of the home)")
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object")
    .action(async (to, options) => (await import("../run/admin.js")).giveToAccount(name, to, options));
}

/** What operators see and do about accounts. */
function addAccountCommands(admin: Command): void {
  const run = () => import("../run/admin-accounts.js");
  operator(admin.command("users"))
    .description("accounts, with what they have")
    .argument("[text]", "a part of the id, the e-mail address or the name", "")
    .option("--limit <number>", "rows at most", "50")
    .action(async (text, options) => (await run()).listUsers(text, options));
  operator(admin.command("ledger"))
    .description("what moved on an account, latest first")
    .argument("<account>", "its id")
    .option("--limit <number>", "rows at most", "50")
    .option("--before <number>", "only entries before this one")
    .action(async (account, options) => (await run()).showLedger(account, options));
  operator(admin.command("role"))
    .description("make an account a service account (list prices, no least charge, wider limits), or an ordinary one again")
    .argument("<account>", "its id")
    .argument("<role>", "service or normal")
    .action(async (account, role, options) => (await run()).setRole(account, role, options));
  operator(admin.command("fee"))
    .description("set the share that the operator keeps of what an account pays")
    .argument("<account>", "its id")
    .argument("<percent>", "0 to 100, or default")
    .action(async (account, percent, options) => (await run()).setFee(account, percent, options));
  operator(admin.command("price"))
    .description("set the list price of a build, in USD per million tokens, for requests from now on")
    .argument("<build>", "e.g. sprout-3m-q8_0")
    .requiredOption("--input <usd>", "of prompts, e.g. 0.05")
    .requiredOption("--output <usd>", "of answers, e.g. 0.20")
    .action(async (build, options) => (await run()).setPrice(build, options));
  operator(admin.command("freeze"))
    .description("let an account neither ask models nor withdraw")
    .argument("<account>", "its id")
    .requiredOption("--reason <text>", "why; its owner is told, and the audit")
    .action(async (account, options) => (await run()).freezeAccount(account, options));
  operator(admin.command("unfreeze"))
    .description("let a frozen account go on")
    .argument("<account>", "its id")
    .action(async (account, options) => (await run()).unfreezeAccount(account, options));
  operator(admin.command("merge"))
    .description("let an account go over to another for good, with its money, keys, machines and usage")
    .argument("<account>", "the id of the one that ends")
    .requiredOption("--into <account>", "the id of the one that has everything then")
    .action(async (account, options) => (await run()).mergeAccount(account, options));
  operator(admin.command("hardware-cap"))
    .description("say how much memory machines of a class come with at most, for availability rewards")
    .argument("<class>", "as machines report it, e.g. apple-m4-max")
    .argument("<gb>", "or none, so that such machines wait")
    .action(async (computeClass, memory, options) => (await run()).setHardwareCap(computeClass, memory, options));
  operator(admin.command("audit"))
    .description("what operators changed, latest first")
    .option("--target <name>", "only changes to this account, build, name or release")
    .option("--limit <number>", "rows at most", "50")
    .action(async (options) => (await run()).showAudit(options));
}

/** Codes that are worth money to spend. */
function addInviteCommands(admin: Command): void {
  const run = () => import("../run/admin-invites.js");
  const invites = admin.command("invites").description("codes that are worth money to spend, which cannot be withdrawn");
  operator(invites.command("create"))
    .description("make one")
    .argument("[code]", "3 to 20 letters, digits and hyphens (default: one that nobody guesses)")
    .requiredOption("--usd <amount>", "what it is worth, e.g. 5 or 2.50")
    .option("--uses <number>", "accounts that may redeem it, or unlimited", "1")
    .option("--expires <date>", "when it ends, e.g. 2027-01-31 (default: never)")
    .action(async (code, options) => (await run()).createInvite(code, options));
  operator(invites.command("list"))
    .description("latest first")
    .action(async (options) => (await run()).listInvites(options));
  operator(invites.command("deactivate"))
    .description("let nobody redeem one any more")
    .argument("<code>", "as it was given out")
    .action(async (code, options) => (await run()).deactivateInvite(code, options));
}

/** Everything that a coordinator consists of, in one file. They work on the home and its database themselves. */
function addBackupCommands(admin: Command): void {
  const run = () => import("../run/admin-backup.js");
  const local = (command: Command): Command =>
    command
      .option("--passphrase-file <file>", "file with a passphrase, instead of a key")
      .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
      .option("--json", "print one JSON object");
  local(admin.command("backup"))
    .description("save database, keys and secrets as one encrypted file; also while the coordinator runs")
    .option("--recipient <age1…>", "public key whose owner can open it; again for more", collected)
    .option("-o, --output <file>", "where to: a file, or s3://bucket/folder/ (default: umbel-backup-<time>.ndjson.gz.age here)")
    .action(async (options) => (await run()).makeBackup(options));
  admin
    .command("backups")
    .description("backups at a place, latest first")
    .argument("[place]", "a directory, or s3://bucket/folder (default: UMBEL_BACKUP_DIR and UMBEL_BACKUP_S3)")
    .option("--json", "print one JSON object")
    .action(async (place, options) => (await run()).listBackups(place, options));
  local(admin.command("verify-backup"))
    .description("read a backup from end to end and compare its hashes; exits with 7 if anything is wrong")
    .argument("<file>", "the backup, or s3://bucket/folder/name")
    .option("--identity <file>", "file with the age identity that opens it")
    .option("--deep", "restore it, too, into a database that is thrown away, and prove the books")
    .action(async (file, options) => (await run()).checkBackup(file, options));
  local(admin.command("restore"))
    .description("fill an empty home and database with a backup, also of an older version: all of it or nothing")
    .argument("<file>", "the backup, or s3://bucket/folder/name")
    .option("--identity <file>", "file with the age identity that opens it")
    .action(async (file, options) => (await run()).restore(file, options));
}

function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function addMoneyCommand(admin: Command): void {
  operator(admin.command("money"))
    .description("whether the books balance, and what waits; exits with 7 when something is wrong")
    .action(async (options) => (await import("../run/admin-money.js")).showMoneyHealth(options));
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

/** Releases of the provider program: made where their key is, offered by a coordinator. */
function addReleaseCommands(admin: Command): void {
  operator(admin.command("provider-floor"))
    .description(
      "the oldest provider version that gets requests, and how many machines it leaves out; with a version says which it is to be",
    )
    .argument("[version]", "e.g. 1.4.0; any lets every version in")
    .option("--clear", "go back to what UMBEL_MIN_PROVIDER_VERSION says")
    .option("--dry-run", "only count whom the version would leave out")
    .action(async (version, options) => (await import("../run/admin-provider-floor.js")).providerFloor(version, options));

  const releases = admin.command("releases").description("releases of the provider program: make, sign, offer and withdraw them");
  releases
    .command("key")
    .description("make a key that signs releases; keep it offline")
    .argument("<file>", "where to write it; its public part goes beside it")
    .option("--json", "print one JSON object")
    .action(async (file, options) => (await import("../run/release-making.js")).makeReleaseKey(file, options));
  releases
    .command("pack")
    .description("make the archive of a release from a folder, and sign it; asks nobody")
    .argument("<directory>", "what tools/assemble-release.mjs has put together")
    .requiredOption("--key <file>", "the key that signs releases")
    .requiredOption("--out <file>", "archive to write; what is registered goes beside it")
    .option("--platform <name>", "what it runs on, e.g. linux-x64 (default: this machine's)")
    .option("--channel <name>", "stable or beta", "stable")
    .option("--next-key <file...>", "public keys that may sign from the next release on; name the present one, too, to keep it")
    .option("--json", "print one JSON object")
    .action(async (directory, options) => (await import("../run/release-making.js")).packReleaseCommand(directory, options));
  operator(releases.command("register"))
    .description("offer a release to machines; with the release key (UMBEL_PUBLISHING_KEY) or the operator's")
    .argument("<record>", "the .release.json that was written beside the archive")
    .requiredOption("--url <url>", "where the archive is: https, without redirects")
    .option("--changelog <file>", "what is new, as text")
    .option("--rollout <percent>", "machines that are offered it", "100")
    .action(async (record, options) => (await import("../run/admin-releases.js")).registerRelease(record, options));
  operator(releases.command("list"))
    .description("every release, offered or not")
    .action(async (options) => (await import("../run/admin-releases.js")).listReleases(options));
  operator(releases.command("withdraw"))
    .description("offer a release no more, from that moment on")
    .argument("<version>", "of the release")
    .option("--platform <name>", "e.g. linux-x64 (default: this machine's)")
    .option("--force", "also while machines run it that would get no requests then")
    .action(async (version, options) => (await import("../run/admin-releases.js")).withdrawRelease(version, options));
}

function operator(command: Command): Command {
  return command
    .addOption(baseUrlOption())
    .option("--admin-key <key>", "the operator's key (default: UMBEL_ADMIN_KEY, else that of a coordinator on this machine)")
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
