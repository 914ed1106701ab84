import { setMaxListeners } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { startStopwatch } from "./stopwatch.js";

/** A token that every answer consists of, so that tokens can be told in the stream however many come in one event. */
export interface Word {
  readonly id: number;
  readonly text: string;
}

/** Where streams are asked for. */
export interface Server {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
}

const MESSAGES = [{ role: "user", content: "Tell me a story about a robot named Selma." }];
/** OpenAI's largest: nothing else is likely. */
const BIAS = 100;
/** Enough to go on until the last stream has got as far. */
const STREAM_TOKENS = 1_000;

/** Reads so many answers at once, greedily. Returns tokens per second of all together, as the client reads them. */
export async function readStreams(server: Server, word: Word, streams: number, tokensEach: number): Promise<number> {
  const leave = new AbortController();
  setMaxListeners(0, leave.signal);
  const watch = startStopwatch(streams, streams * tokensEach, () => leave.abort());
  const read = async (): Promise<void> => {
    const own = watch.stream();
    const count = counter(word.text);
    await readStream(server, word, { maxTokens: STREAM_TOKENS, streams, signal: leave.signal }, (bytes) => own.tokens(count(bytes)));
  };
  await Promise.all(Array.from({ length: streams }, read));
  return watch.tokensPerSecond();
}

/** Resolves when a token has been given: what was left by those who went away is over then. */
export async function readToken(server: Server, word: Word): Promise<void> {
  await readStream(server, word, { maxTokens: 1, streams: 1, signal: new AbortController().signal }, () => undefined);
}

interface Reading {
  readonly maxTokens: number;
  /** How many are read at once. */
  readonly streams: number;
  readonly signal: AbortSignal;
}

function readStream(
  { url, headers, model }: Server,
  word: Word,
  { maxTokens, streams, signal }: Reading,
  onData: (bytes: Buffer) => void,
): Promise<void> {
  const body = JSON.stringify({
    ...{ model, messages: MESSAGES, temperature: 0, max_tokens: maxTokens, stream: true },
    logit_bias: { [word.id]: BIAS },
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => (signal.aborted ? resolve() : reject(error));
    const onAnswer = (answer: IncomingMessage): void => {
      if (answer.statusCode !== 200) fail(new Error(`the server answered ${answer.statusCode}`));
      answer.on("data", onData).on("error", fail).on("end", resolve);
    };
    const all = { ...headers, "content-type": "application/json", "x-streams": String(streams) };
    request(`${url}/chat/completions`, { method: "POST", headers: all, signal }, onAnswer).on("error", fail).end(body);
  });
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
