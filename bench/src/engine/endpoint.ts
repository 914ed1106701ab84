import { setMaxListeners } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { temporaryHome, umbel } from "@umbel/e2e/harness";
import { startStopwatch } from "./stopwatch.js";
import { SEQUENCES, THREADS } from "./workbench.js";

/** A token that every answer consists of, so that tokens can be told in the stream however many come in one event. */
export interface Word {
  readonly id: number;
  readonly text: string;
}

/** The bundled model behind the endpoint for the machine's own programs: agent, worker and HTTP server as a user starts them. */
export interface Endpoint {
  /** Streams so many answers at once, greedily. Returns tokens per second of all together, as the client reads them. */
  decode(streams: number, tokensEach: number): Promise<number>;
  close(): Promise<void>;
}

const MODEL = "sprout";
const MESSAGES = [{ role: "user", content: "Tell me a story about a robot named Selma." }];
/** OpenAI's largest: nothing else is likely. */
const BIAS = 100;
/** Enough to go on until the last stream has got as far. */
const STREAM_TOKENS = 1_000;
const WARM_UP_TOKENS = 600;

export async function startEndpoint(word: Word): Promise<Endpoint> {
  const home = temporaryHome();
  const sizes = ["--sequences", String(SEQUENCES), "--threads", String(THREADS)];
  const provider = umbel(["provider", "start", "--local", "--json", "--port", "0", "--home", home.path, ...sizes]);
  const { base_url, api_key } = await provider.ready;

  function stream(maxTokens: number, signal: AbortSignal, onData: (bytes: Buffer) => void): Promise<void> {
    const body = JSON.stringify({
      ...{ model: MODEL, messages: MESSAGES, temperature: 0, max_tokens: maxTokens, stream: true },
      logit_bias: { [word.id]: BIAS },
    });
    const headers = { authorization: `Bearer ${String(api_key)}`, "content-type": "application/json" };
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => (signal.aborted ? resolve() : reject(error));
      const onAnswer = (answer: IncomingMessage): void => {
        if (answer.statusCode !== 200) fail(new Error(`the endpoint answered ${answer.statusCode}`));
        answer.on("data", onData).on("error", fail).on("end", resolve);
      };
      request(`${String(base_url)}/chat/completions`, { method: "POST", headers, signal }, onAnswer)
        .on("error", fail)
        .end(body);
    });
  }

  const endpoint: Endpoint = {
    async decode(streams, tokensEach) {
      const leave = new AbortController();
      setMaxListeners(0, leave.signal);
      const watch = startStopwatch(streams, streams * tokensEach, () => leave.abort());
      await Promise.all(
        Array.from({ length: streams }, () => {
          const own = watch.stream();
          const count = counter(word.text);
          return stream(STREAM_TOKENS, leave.signal, (bytes) => own.tokens(count(bytes)));
        }),
      );
      // What was left is over when another answer has been given.
      await stream(1, new AbortController().signal, () => undefined);
      return watch.tokensPerSecond();
    },
    async close() {
      await provider.stop();
      home.remove();
    },
  };
  // Processes that have just started run slowly; a provider runs for days.
  await endpoint.decode(SEQUENCES, WARM_UP_TOKENS);
  return endpoint;
}

/** Counts a word in a text that comes in pieces. */
function counter(word: string): (bytes: Buffer) => number {
  let rest = "";
  return (bytes) => {
    const parts = (rest + bytes.toString("latin1")).split(word);
    rest = parts.at(-1)?.slice(1 - word.length) ?? "";
    return parts.length - 1;
  };
}
