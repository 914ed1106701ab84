import { runUmbel, temporaryHome, umbel } from "@umbel/e2e/harness";
import type { BenchModel } from "./bench-model.js";
import { readStreams, readToken, type Server, type Word } from "./readers.js";
import { SEQUENCES, THREADS } from "./workbench.js";

/** A model behind something that speaks HTTP. */
export interface Served {
  /** Streams so many answers at once. Returns tokens per second of all together, as the client reads them. */
  decode(streams: number, tokensEach: number): Promise<number>;
  close(): Promise<void>;
}

/** The model behind the endpoint for the machine's own programs: agent, worker and HTTP server as a user starts them. */
export async function startEndpoint(model: BenchModel, word: Word): Promise<Served> {
  const home = temporaryHome();
  const id = model.isBundled ? model.name : takeIn(model.weights, home.path);
  const sizes = ["--sequences", String(SEQUENCES), "--threads", String(THREADS)];
  const named = model.isBundled ? [] : ["--model", id];
  const provider = umbel(["provider", "start", "--local", "--json", "--port", "0", "--home", home.path, ...sizes, ...named]);
  const { base_url, api_key } = await provider.ready;
  const server: Server = { url: String(base_url), headers: { authorization: `Bearer ${String(api_key)}` }, model: id };
  const endpoint: Served = {
    async decode(streams, tokensEach) {
      const tokensPerSecond = await readStreams(server, word, streams, tokensEach);
      await readToken(server, word);
      return tokensPerSecond;
    },
    async close() {
      await provider.stop();
      home.remove();
    },
  };
  // Processes that have just started run slowly; a provider runs for days.
  await endpoint.decode(SEQUENCES, model.warmUp_tokens);
  return endpoint;
}

/** Makes a file a model of this home. Returns its name. */
function takeIn(file: string, home: string): string {
  const { status, stdout, stderr } = runUmbel(["models", "download", file, "--home", home, "--json"]);
  if (status !== 0) throw new Error(`the model was not taken in: ${stderr}`);
  const { models }: { readonly models: readonly { readonly id: string }[] } = JSON.parse(stdout);
  return models[0]?.id ?? "";
}
