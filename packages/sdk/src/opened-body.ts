import { type AnswerOpener, EnvelopeError, SEALED_LIMITS } from "@umbel/protocol";
import { SealedError } from "./sealed-error.js";

type Bytes = Uint8Array<ArrayBuffer>;

const EVENT_LINE_max = "data: ".length + SEALED_LIMITS.event_characters_max;
/** Nonce and tag of a whole answer. */
const WHOLE_OVERHEAD_bytes = 32;
const sign = new TextEncoder().encode(":\n\n");

/** Opens a sealed event stream: what comes out are the events as the coordinator rendered them. Every defect fails it. */
export function openedEventStream(opener: AnswerOpener): TransformStream<Bytes, Bytes> {
  const decoder = new TextDecoder();
  let rest = "";
  let begun = false;

  async function readLines(text: string, controller: TransformStreamDefaultController<Bytes>): Promise<void> {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > EVENT_LINE_max) throw new SealedError("too_large");
    for (const line of lines) await readLine(line, controller);
  }

  async function readLine(line: string, controller: TransformStreamDefaultController<Bytes>): Promise<void> {
    if (line === "") return;
    if (line.startsWith("data: ")) {
      begun = true;
      const { plaintext } = await refusing(opener.event(line.slice("data: ".length)));
      if (plaintext.length > 0) controller.enqueue(plaintext.slice());
      return;
    }
    if (!line.startsWith(":")) throw new SealedError("malformed");
    // Anyone can write a comment. Before the first event it can do no harm, and keeps clients waiting that would give up.
    if (!begun) controller.enqueue(sign.slice());
  }

  return new TransformStream({
    transform: (chunk, controller) => readLines(decoder.decode(chunk, { stream: true }), controller),
    async flush(controller) {
      await readLines(`${decoder.decode()}\n`, controller);
      if (!opener.ended) throw new SealedError("truncated");
    },
  });
}

/** Opens a sealed whole answer once all of it is there. */
export function openedWhole(opener: AnswerOpener, status: number): TransformStream<Bytes, Bytes> {
  const pieces: Bytes[] = [];
  let length = 0;
  return new TransformStream({
    transform(piece) {
      length += piece.length;
      if (length > SEALED_LIMITS.answer_bytes_max + WHOLE_OVERHEAD_bytes) throw new SealedError("too_large");
      pieces.push(piece);
    },
    async flush(controller) {
      const sealed = new Uint8Array(await new Blob(pieces).arrayBuffer());
      controller.enqueue((await refusing(opener.whole(status, sealed))).slice());
    },
  });
}

async function refusing<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw error instanceof EnvelopeError ? new SealedError(error.code, { cause: error }) : error;
  }
}
