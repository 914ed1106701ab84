import { type AnswerSealer, SEALED_CONTENT_TYPE, SEALED_LIMITS, utf8 } from "@umbel/protocol";
import type { AnswerSink } from "../answer/sink.js";

/** A sign of life says nothing, so it needs no seal; and what may be left out must not take a sequence number. */
const BEAT = ":\n\n";
const nothing = new Uint8Array(0);

/** Seals an answer on its way to `to`. */
export function createSealedSink(to: AnswerSink, sealer: AnswerSealer, kid: string): AnswerSink {
  const marks = { "X-Umbel-Sealed": "true", "X-Umbel-Sealed-Kid": kid };
  return {
    get committed() {
      return to.committed;
    },
    gone: to.gone,
    async whole({ status, headers, body }) {
      const sealed = await sealer.whole(status, utf8(JSON.stringify(body)));
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      await to.whole({ status, headers: { ...headers, ...marks, "Content-Type": SEALED_CONTENT_TYPE }, body: bytes });
    },
    begin: (headers) => to.begin({ ...headers, ...marks }),
    async write(events) {
      const bytes = utf8(events);
      for (let at = 0; at < bytes.length; at += SEALED_LIMITS.event_bytes_max) {
        await to.write(await sealer.event(bytes.subarray(at, at + SEALED_LIMITS.event_bytes_max), "more"));
      }
    },
    beat: () => to.beat(BEAT),
    async end() {
      if (!to.gone.aborted) await to.write(await sealer.event(nothing, "final"));
      await to.end();
    },
  };
}
