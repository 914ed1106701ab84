import type { DialectReading, ReadAnswer } from "./readings.js";

interface WireChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: Readonly<Record<string, readonly unknown[]>> | null;
  readonly finish_reason: string | null;
}
interface WireBody {
  readonly choices?: readonly WireChoice[];
  readonly usage?: unknown;
  readonly extras?: { readonly receipt?: string };
  readonly error?: { readonly message: string };
}

const DONE = "data: [DONE]";

export const openAiCompletionsReading: DialectReading = {
  stream(text) {
    const events = text.split("\n\n").slice(0, -1);
    const bodies = events.filter((event) => event !== DONE).map((event) => JSON.parse(event.slice("data: ".length)) as WireBody);
    return {
      answer: answerOf(bodies),
      text: bodies.flatMap(({ choices = [] }) => choices.map((choice) => choice.text)).join(""),
      error: bodies.at(-1)?.error?.message,
      terminators: events.filter((event) => event === DONE).length,
      endsWithTerminator: text.endsWith(`${DONE}\n\n`),
    };
  },
  final(value) {
    const answer = answerOf([value as WireBody]);
    if (answer === undefined) throw new Error("the object has no finish reason");
    return answer;
  },
};

/** Chunks of one answer put together, as a client does it for each of several. */
function answerOf(bodies: readonly WireBody[]): ReadAnswer | undefined {
  const all = bodies.flatMap(({ choices = [] }) => choices);
  const indices = [...new Set(all.map(({ index }) => index))].sort((a, b) => a - b);
  const answers = indices.map((index) => all.filter((choice) => choice.index === index));
  const finish = answers.map((chunks) => chunks.at(-1)?.finish_reason);
  if (finish.length === 0 || finish.some((reason) => reason == null)) return undefined;
  return {
    text: answers.map((chunks) => chunks.map(({ text }) => text).join("")).join("\n--\n"),
    reasoning: "",
    calls: [],
    logprobs: answers.map((chunks) => ["tokens", "token_logprobs", "top_logprobs", "text_offset"].map((key) => gathered(chunks, key))),
    finish,
    usage: bodies.findLast(({ usage }) => usage !== undefined)?.usage,
    receipt: bodies.findLast(({ extras }) => extras !== undefined)?.extras?.receipt,
  };
}

function gathered(chunks: readonly WireChoice[], key: string): unknown[] {
  return chunks.flatMap(({ logprobs }) => logprobs?.[key] ?? []);
}
