import { startCoordinator } from "@umbel/coordinator";
import { BUNDLED_MODEL_DIRECTORIES, CONSOLE_DIRECTORY, resolveHome } from "../home.js";
import { readSettings } from "../offline-store.js";
import { createOutput } from "../output.js";
import { announceReady, stopRequested } from "../process/managed.js";
import { setupHint } from "../setup-hint.js";
import { asStartError } from "../start-error.js";

export interface CoordinatorOptions {
  readonly port?: string;
  readonly host?: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** `umbel coordinator`: runs until it is told to stop. */
export async function runCoordinator(options: CoordinatorOptions): Promise<void> {
  const output = createOutput(options);
  const stop = stopRequested();
  const home = resolveHome(options.home);
  const settings = readSettings({
    home,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.host === undefined ? {} : { host: options.host }),
  });
  const coordinator = await startCoordinator(settings, {
    bundledModels: BUNDLED_MODEL_DIRECTORIES,
    consoleDirectory: CONSOLE_DIRECTORY,
  }).catch(asStartError);
  output.result({ url: coordinator.url, base_url: `${coordinator.url}/v1`, home });
  output.line(`The coordinator is ready: ${coordinator.url}/v1`);
  for (const line of await setupHint(home, coordinator.url)) output.line(line);
  output.line(`Connect a machine with: umbel provider start --coordinator ${coordinator.url}`);
  announceReady({ url: coordinator.url });
  await Promise.race([stop, coordinator.closed]);
  await coordinator.close();
}
