#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { addAccountDataCommands } from "./commands/account.js";
import { addAdminCommands } from "./commands/admin.js";
import { addBillingCommands } from "./commands/billing.js";
import { addBooksCommands } from "./commands/books.js";
import { addChatCommand } from "./commands/chat.js";
import { addCoordinatorCommand } from "./commands/coordinator.js";
import { addExplainCommand } from "./commands/explain.js";
import { addKeysCommands, addSessionCommand } from "./commands/keys.js";
import { addLoginCommands } from "./commands/login.js";
import { addModelsCommands } from "./commands/models.js";
import { addProgrammeCommands } from "./commands/programmes.js";
import { addProviderCommands } from "./commands/provider.js";
import { addSimulateCommand } from "./commands/simulate.js";
import { addStatementCommands } from "./commands/statements.js";
import { addUpCommand } from "./commands/up.js";
import { CliError, EXIT_CODES } from "./exit-codes.js";
import { asFileError } from "./file-error.js";
import { announceFailure } from "./process/managed.js";
import { VERSION } from "./version.js";

const program = new Command("umbel")
  .description("A private inference network: run it, serve models on it, talk to it.")
  .version(VERSION)
  // So that a command may have a --version of its own.
  .enablePositionalOptions()
  .showHelpAfterError("(add --help for what this command takes)")
  .configureHelp({ showGlobalOptions: true })
  .exitOverride();
for (const add of [
  addUpCommand,
  addCoordinatorCommand,
  addProviderCommands,
  addModelsCommands,
  addKeysCommands,
  addSessionCommand,
  addLoginCommands,
  addAdminCommands,
  addBillingCommands,
  addChatCommand,
  addBooksCommands,
  addExplainCommand,
  addProgrammeCommands,
  addStatementCommands,
  addAccountDataCommands,
  addSimulateCommand,
])
  add(program);
for (const command of commandsBelow(program)) command.exitOverride();

program.parseAsync().then(finish, fail);

/** Every command has ended by itself or been told to stop: what is left (idle sockets, timers of libraries) must not hold the process. */
function finish(): void {
  process.exit(process.exitCode ?? EXIT_CODES.ok);
}

function fail(error: unknown): void {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage);
  const known = error instanceof CliError ? error : asFileError(error);
  if (known !== undefined) {
    announceFailure(known);
    process.stderr.write(`umbel: ${known.message}\n${known.remedy === undefined ? "" : `  ${known.remedy}\n`}`);
    process.exit(known.exitCode);
  }
  const unexpected = new CliError(error instanceof Error ? error.message : String(error), EXIT_CODES.failure, undefined, { cause: error });
  announceFailure(unexpected);
  process.stderr.write(`umbel: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(EXIT_CODES.failure);
}

function* commandsBelow(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* commandsBelow(child);
  }
}
