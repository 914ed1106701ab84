import { fromBase64 } from "@umbel/protocol";
import { cutOff } from "../canonical/answer.js";
import type { ChatUsage } from "../canonical/chat-event.js";
import { wireExtras } from "../canonical/extras.js";
import type { FinalRenderer, RenderContext } from "../dialect.js";
import type { EmbeddingOptions } from "./parse.js";
import type { EmbeddingList } from "./schema.js";

/** Digits that tell every 32-bit float from its neighbours (IEEE 754 §5.12.2). */
const FLOAT32_DIGITS = 9;
const FLOAT32_BYTES = 4;

/** Collects vectors into one list, in the order of the inputs: all of them or none (api.md §14.6). */
export function embeddingsFinalRenderer(context: RenderContext<EmbeddingOptions>): FinalRenderer {
  const { encoding, inputs } = context.options;
  const vectors = new Map<number, string>();
  let usage: ChatUsage | undefined;
  return {
    event(event) {
      if (event.type === "embedding" && !vectors.has(event.index)) vectors.set(event.index, event.vector);
      if (event.type === "finish") usage ??= event.usage;
    },
    result(): EmbeddingList {
      if (usage === undefined) throw cutOff();
      const data = Array.from({ length: inputs }, (_, index) => {
        const vector = vectors.get(index);
        if (vector === undefined) throw cutOff();
        return { object: "embedding" as const, index, embedding: encoding === "base64" ? vector : numbersOf(vector) };
      });
      const { promptTokens } = usage;
      return {
        object: "list",
        data,
        model: context.model,
        usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
        ...wireExtras(context),
      };
    },
  };
}

/** @throws ApiError 502 for what is no vector of finite numbers: a provider's answer is untrusted. */
function numbersOf(vector: string): number[] {
  const bytes = bytesOf(vector);
  if (bytes.length === 0 || bytes.length % FLOAT32_BYTES !== 0) throw cutOff();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / FLOAT32_BYTES }, (_, index) => {
    const value = view.getFloat32(index * FLOAT32_BYTES, true);
    if (!Number.isFinite(value)) throw cutOff();
    return Number(value.toPrecision(FLOAT32_DIGITS));
  });
}

function bytesOf(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch {
    throw cutOff();
  }
}
