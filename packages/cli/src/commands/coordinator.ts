import { startCoordinator } from "@umbel/coordinator";
import type { Command } from "commander";
import { BUNDLED_MODEL_DIRECTORY, CONSOLE_DIRECTORY, resolveHome } from "../home.js";
import { readSettings } from "../offline-store.js";
import { createOutput } from "../output.js";
import { announceReady, stopRequested } from "../process/managed.js";
import { asStartError } from "../start-error.js";

interface CoordinatorOptions {
  readonly port?: string;
  readonly host?: string;
  readonly home?: string;
  readonly json?: boolean;
}

export function addCoordinatorCommand(program: Command): void {
  program
    .command("coordinator")
    .description("run a coordinator with its database, and wait for providers")
    .option("--port <number>", "port of the API and of the provider socket (default: UMBEL_PORT, else 8080)")
    .option("--host <address>", "address to listen on (default: UMBEL_HOST, else 127.0.0.1)")
    .option("--home <directory>", "where state is kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object once ready; log lines go to standard error")
    .action(run);
}

async function run(options: CoordinatorOptions): Promise<void> {
  const output = createOutput(options);
  const stop = stopRequested();
  const home = resolveHome(options.home);
  const settings = readSettings({
    home,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  const coordinator = await startCoordinator(settings, {
    bundledModels: [BUNDLED_MODEL_DIRECTORY],
    consoleDirectory: CONSOLE_DIRECTORY,
  }).catch(asStartError);
  output.result({ url: coordinator.url, base_url: `${coordinator.url}/v1`, home });
  output.line(`The coordinator is ready: ${coordinator.url}/v1`);
  output.line(`Connect a machine with: umbel provider start --foreground --coordinator ${coordinator.url}`);
  announceReady({ url: coordinator.url });
  await stop;
  await coordinator.close();
}
