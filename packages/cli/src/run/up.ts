import { mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { examples } from "../examples.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { ensureLocalAccounts } from "../local-accounts.js";
import { createOutput } from "../output.js";
import { type ManagedChild, startManaged, stopRequested } from "../process/managed.js";
import { setupHint } from "../setup-hint.js";

/** Longest wait for the bundled models to be loaded and routable. */
const ROUTABLE_TIMEOUT_ms = 120_000;
const STOP_GRACE_ms = 20_000;
const CHAT_MODEL = "sprout";
const EMBEDDING_MODEL = "sprout-embed";

export interface UpOptions {
  readonly port: string;
  readonly host: string;
  readonly home?: string;
  readonly json?: boolean;
}

/** `umbel up`: a whole network on this machine, until it is told to stop. */
export async function up(options: UpOptions): Promise<void> {
  const home = resolveHome(options.home);
  const output = createOutput(options);
  const stop = stopRequested();
  mkdirSync(path.join(home, "logs"), { recursive: true, mode: 0o700 });
  const env = { ...process.env, UMBEL_HOME: home };
  const children: ManagedChild[] = [];
  try {
    output.note("Starting the coordinator and its database …");
    const coordinator = startManaged("coordinator", ["coordinator", "--port", options.port, "--host", options.host], {
      env,
      logFd: logFile(home, "coordinator"),
    });
    children.push(coordinator);
    // Loading the database's code takes about as long as the coordinator takes to start: it is done meanwhile.
    const { withMoneyAndAccounts } = await import("../offline-store.js");
    const { url } = await orStopped(coordinator.ready, stop);
    if (url === undefined) throw new CliError("The coordinator did not say where it listens.", EXIT_CODES.failure);
    const secrets = await withMoneyAndAccounts(home, ({ accounts, ledger }) => ensureLocalAccounts(home, accounts, ledger));

    output.note("Starting the provider and loading the models …");
    const provider = startManaged("provider", ["provider", "start", "--foreground", "--coordinator", url], {
      // Whoever starts a network to look at it wants to see it serve, wherever the power comes from.
      env: { ...env, UMBEL_PROVIDER_ON_BATTERY: "serve", UMBEL_PROVIDER_TOKEN: secrets.providerToken },
      logFd: logFile(home, "provider"),
    });
    children.push(provider);
    const models = [CHAT_MODEL, EMBEDDING_MODEL].map((model) => routable(url, secrets.apiKey, model));
    await orStopped(Promise.all([provider.ready, ...models]), stop);

    const baseUrl = `${url}/v1`;
    const shown = examples(baseUrl, secrets.apiKey, CHAT_MODEL);
    output.result({ base_url: baseUrl, api_key: secrets.apiKey, model: CHAT_MODEL, embedding_model: EMBEDDING_MODEL, home });
    output.line(`\nUmbel is ready: ${baseUrl}`);
    output.line(`API key: ${secrets.apiKey}`);
    output.line(`Models: ${CHAT_MODEL} for answers, ${EMBEDDING_MODEL} for vectors`);
    output.line(`\n# curl\n${shown.curl}\n\n# TypeScript\n${shown.typescript}\n\n# Python\n${shown.python}\n`);
    for (const line of await setupHint(home, url)) output.line(line);
    output.line(`Or open ${url} in a browser, or run: npx umbel chat. Ctrl-C stops everything.`);
    await Promise.race([stop, ...children.map(unexpectedExit)]);
    output.note("Stopping …");
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    // The provider first, so that the coordinator sees a planned end and not a lost machine.
    for (const child of [...children].reverse()) await child.stop(STOP_GRACE_ms);
  }
}

/** The user asked to stop while something was still starting. */
class Stopped extends Error {}

function orStopped<T>(work: Promise<T>, stop: Promise<void>): Promise<T> {
  return Promise.race([
    work,
    stop.then(() => {
      throw new Stopped();
    }),
  ]);
}

async function unexpectedExit(child: ManagedChild): Promise<never> {
  const { code, signal } = await child.exited;
  throw new CliError(
    `The ${child.name} ended unexpectedly (${signal ?? `exit code ${code}`}).`,
    EXIT_CODES.failure,
    `Its log is logs/${child.name}.log under the Umbel home.`,
  );
}

function logFile(home: string, name: string): number {
  return openSync(path.join(home, "logs", `${name}.log`), "a", 0o600);
}

/** Waits until the coordinator says that a provider can take requests for the model. */
async function routable(url: string, apiKey: string, model: string): Promise<void> {
  const deadline_ms = performance.now() + ROUTABLE_TIMEOUT_ms;
  while (performance.now() < deadline_ms) {
    const response = await fetch(`${url}/v1/models/${model}`, { headers: { authorization: `Bearer ${apiKey}` } });
    const entry: unknown = await response.json();
    if (response.ok && canAccept(entry)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new CliError(
    "The provider did not become ready in time.",
    EXIT_CODES.failure,
    "Its log is logs/provider.log under the Umbel home.",
  );
}

function canAccept(entry: unknown): boolean {
  if (typeof entry !== "object" || entry === null || !("metadata" in entry)) return false;
  const { metadata } = entry;
  return typeof metadata === "object" && metadata !== null && "can_accept" in metadata && metadata.can_accept === true;
}
