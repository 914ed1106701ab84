/** A coordinator and scripted or real providers, each a process of its own, over one temporary home. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import OpenAI from "openai";
import { homeWithDatabase } from "./database-template.js";
import { eventually, freePort, runUmbel, type UmbelProcess, umbel } from "./umbel.js";

/** Fields of a scripted engine's file; see packages/provider/README.md. */
export type Script = Record<string, unknown>;

export interface TestNetwork {
  readonly home: string;
  readonly url: string;
  coordinator: UmbelProcess;
  /** A client with a fresh key of `account`, which gets a credit unless `credit` says none. */
  client(options?: {
    readonly account?: string;
    readonly credit_microUsd?: bigint;
  }): Promise<{ readonly openai: OpenAI; readonly apiKey: string }>;
  /** Starts a provider, with more arguments if need be, and waits until requests can go to it. */
  provider(options: {
    readonly script?: Script;
    readonly through?: string;
    /** Another start under the same name is the same machine. */
    readonly name?: string;
    readonly sequences?: number;
    readonly args?: readonly string[];
  }): Promise<UmbelProcess>;
  /** Kills every provider and waits until the coordinator has none. */
  stopProviders(): Promise<void>;
  restartCoordinator(): Promise<void>;
  get(
    pathname: string,
    apiKey?: string,
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }>;
  balance(apiKey: string): Promise<{ readonly balance_micro_usd: number; readonly held_micro_usd: number }>;
  /** Waits until nothing of the account is held any more, then returns its balance. */
  settledBalance(apiKey: string): Promise<number>;
  close(): Promise<void>;
}

const MODEL = "sprout";

export async function startNetwork(env: NodeJS.ProcessEnv = {}): Promise<TestNetwork> {
  const home = homeWithDatabase();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const providers: UmbelProcess[] = [];
  let started = 0;
  const start = async () => {
    const coordinator = umbel(["coordinator", "--json", "--port", String(port), "--home", home.path], env);
    await coordinator.ready;
    return coordinator;
  };

  const network: TestNetwork = {
    home: home.path,
    url,
    coordinator: await start(),
    client: async ({ account = "alice", credit_microUsd = 1_000_000n } = {}) => {
      const { key } = JSON.parse(cli(["keys", "create", "--json", "--account", account, "--home", home.path]));
      if (credit_microUsd > 0n) await credit(network, account, credit_microUsd);
      return { apiKey: key, openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }) };
    },
    provider: async ({ script, through = url, name = `provider-${started++}`, sequences, args = [] }) => {
      const providerHome = path.join(home.path, name);
      mkdirSync(providerHome, { recursive: true });
      const before = await routableProviders(network);
      const engine = script === undefined ? [] : ["--engine", "scripted", "--script", writeScript(providerHome, script)];
      const places = sequences === undefined ? [] : ["--sequences", String(sequences)];
      const provider = umbel(
        ["provider", "start", "--foreground", "--json", "--coordinator", through, "--home", providerHome, ...engine, ...places, ...args],
        env,
      );
      providers.push(provider);
      await provider.ready;
      await eventually("the provider is routable", async () => ((await routableProviders(network)) > before ? true : undefined));
      return provider;
    },
    stopProviders: async () => {
      await killAll(providers.splice(0));
      await eventually("no provider is left", async () => ((await routableProviders(network)) === 0 ? true : undefined));
    },
    restartCoordinator: async () => {
      network.coordinator = await start();
    },
    get: async (pathname, apiKey) => {
      const response = await fetch(`${url}${pathname}`, apiKey === undefined ? {} : { headers: { authorization: `Bearer ${apiKey}` } });
      return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> };
    },
    balance: async (apiKey) => (await network.get("/v1/payments/balance", apiKey)).body as never,
    settledBalance: (apiKey) =>
      eventually("every hold has ended", async () => {
        const balance = await network.balance(apiKey);
        return balance.held_micro_usd === 0 ? balance.balance_micro_usd : undefined;
      }),
    close: async () => {
      await killAll(providers);
      await network.coordinator.stop();
      home.remove();
    },
  };
  return network;
}

async function killAll(providers: readonly UmbelProcess[]): Promise<void> {
  for (const provider of providers) provider.kill("SIGKILL");
  await Promise.all(providers.map(({ exited }) => exited));
}

/** @throws with what it said when it fails */
function cli(args: readonly string[]): string {
  const { status, stdout, stderr } = runUmbel(args);
  if (status !== 0) throw new Error(`umbel ${args.join(" ")} ended (${status}):\n${stderr}`);
  return stdout;
}

/** As the coordinator's operator. */
async function credit({ home, url }: TestNetwork, account: string, amount_microUsd: bigint): Promise<void> {
  const adminKey = readFileSync(path.join(home, "admin-key"), "utf8").trim();
  const response = await fetch(`${url}/v1/admin/credit`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ account_id: account, amount_usd: usd(amount_microUsd) }),
  });
  if (!response.ok) throw new Error(`the account could not be credited: ${await response.text()}`);
}

function usd(amount_microUsd: bigint): string {
  return `${amount_microUsd / 1_000_000n}.${String(amount_microUsd % 1_000_000n).padStart(6, "0")}`;
}

function writeScript(directory: string, script: Script): string {
  const file = path.join(directory, "script.json");
  writeFileSync(file, JSON.stringify(script));
  return file;
}

/** Machines that can take a request for the bundled model now. */
async function routableProviders(network: TestNetwork): Promise<number> {
  const { body } = await network.get("/health");
  return Number(body["providers"] ?? 0);
}

export { MODEL };
