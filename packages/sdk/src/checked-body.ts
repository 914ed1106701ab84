import type { AnswerCheck } from "./answer-check.js";
import { ReceiptError } from "./receipt-error.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Longest line of an event stream and longest whole answer that are searched, in characters. */
export const SEARCHED_LENGTH_MAX = 32 * 1024 * 1024;

/**
 * Passes an event stream through unchanged, reading along. The bytes that complete a receipt, or the stream's terminator, go on only after
 * the check: a client that stops at the terminator still meets a failure.
 */
export function checkedEventStream(check: AnswerCheck): TransformStream<Bytes, Bytes> {
  const decoder = new TextDecoder();
  let rest = "";
  const readLines = async (text: string) => {
    const lines = (rest + text).split(/\r\n|\r|\n/);
    rest = lines.pop() ?? "";
    if (rest.length > SEARCHED_LENGTH_MAX) throw new ReceiptError("unreadable");
    for (const line of lines) await readLine(line, check);
  };
  return new TransformStream({
    async transform(chunk, controller) {
      await readLines(decoder.decode(chunk, { stream: true }));
      controller.enqueue(chunk);
    },
    async flush() {
      await readLines(`${decoder.decode()}\n`);
      check.end();
    },
  });
}

/** Holds a JSON answer back until its receipt is checked. */
export function checkedJson(check: AnswerCheck): TransformStream<Bytes, Bytes> {
  const decoder = new TextDecoder();
  const chunks: Bytes[] = [];
  let text = "";
  return new TransformStream({
    transform(chunk) {
      chunks.push(chunk);
      text += decoder.decode(chunk, { stream: true });
      if (text.length > SEARCHED_LENGTH_MAX) throw new ReceiptError("unreadable");
    },
    async flush(controller) {
      await check.read(parse(text + decoder.decode()));
      check.end();
      for (const chunk of chunks) controller.enqueue(chunk);
    },
  });
}

/** OpenAI's and Anthropic's; where there is none, the stream's own end is one. */
const TERMINATOR = /^data: ?(?:\[DONE\]|\{"type":"message_stop"\})/;

/** Most lines hold neither receipt nor error, which a search tells sooner than a parser; what the search finds is then parsed. */
async function readLine(line: string, check: AnswerCheck): Promise<void> {
  if (TERMINATOR.test(line)) check.end();
  else if (line.startsWith("data:") && /"(?:receipt|error)"/.test(line)) await check.read(parse(line.slice("data:".length)));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own error quotes the answer.
    throw new ReceiptError("unreadable");
  }
}
