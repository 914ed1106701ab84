import type { ChatEvent } from "@umbel/dialects";
import { type ChunkSealer, createDigestChain, FRAME_HEADER_BYTES, type RequestId, utf8, WIRE_LIMITS } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { SealingError } from "./request-error.js";

/** Where sealed frames go, and how the writer waits when they pile up. */
export interface FrameSink {
  sendWire(frame: Uint8Array): void;
  readonly congested: boolean;
  drained(): Promise<void>;
}

/** The answer of one attempt as it leaves the worker: events in, sealed chunk frames out, with the running digest of what was sent. */
export interface SealedAnswer {
  /** Chunk frames sent so far. */
  readonly chunks: number;
  /** Lower-case hex over the ciphertexts so far, in order. */
  digest(): string;
  /** Seals events into one chunk, or several if they are too large for one; waits while the agent does not keep up. */
  write(events: readonly ChatEvent[], last: "more" | "final"): Promise<void>;
}

export function createSealedAnswer(requestId: RequestId, sealer: ChunkSealer, sink: FrameSink): SealedAnswer {
  const chain = createDigestChain(requestId, nativeCrypto.sha256);

  async function write(events: readonly ChatEvent[], last: "more" | "final"): Promise<void> {
    const plaintext = utf8(JSON.stringify(events));
    if (plaintext.length > WIRE_LIMITS.chunk_bytes_max) {
      await writeHalves(events, last);
      return;
    }
    const frame = await sealed(plaintext, last);
    plaintext.fill(0);
    chain.update(frame.subarray(FRAME_HEADER_BYTES));
    sink.sendWire(frame);
    if (sink.congested) await sink.drained();
  }

  async function sealed(plaintext: Uint8Array, last: "more" | "final"): Promise<Uint8Array> {
    try {
      return await sealer.sealFrame(plaintext, last);
    } catch {
      throw new SealingError();
    }
  }

  async function writeHalves(events: readonly ChatEvent[], last: "more" | "final"): Promise<void> {
    if (events.length < 2) throw new SealingError();
    const middle = Math.ceil(events.length / 2);
    await write(events.slice(0, middle), "more");
    await write(events.slice(middle), last);
  }

  return {
    get chunks() {
      return sealer.sequence;
    },
    digest: () => chain.digest(),
    write,
  };
}
