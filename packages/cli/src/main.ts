#!/usr/bin/env node
import { CommanderError } from "commander";
import { CliError, EXIT_CODES } from "./exit-codes.js";
import { asFileError } from "./file-error.js";
import { announceFailure } from "./process/managed.js";
import { proxiesOfHome } from "./process/proxies-of-home.js";
import { useProxies } from "./process/use-proxies.js";
import { createProgram } from "./program.js";

/** They run a coordinator, which is not the provider of the same home: variables alone say how it goes out. */
const COORDINATORS: readonly string[] = ["up", "coordinator"];

createProgram()
  .hook("preAction", async (_program, action) => {
    const isCoordinator = action.parent?.parent === null && COORDINATORS.includes(action.name());
    await useProxies(isCoordinator ? process.env : await proxiesOfHome(action.opts(), process.env));
  })
  .parseAsync()
  .then(finish, fail);

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
