import { Command } from "commander";
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
import { VERSION } from "./version.js";

/** Every command of `umbel`; none has run yet. What goes wrong is thrown. */
export function createProgram(): Command {
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
  return program;
}

function* commandsBelow(command: Command): Generator<Command> {
  for (const child of command.commands) {
    yield child;
    yield* commandsBelow(child);
  }
}
