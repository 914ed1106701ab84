import { z } from "zod";
import { COMPLETION_ID_PREFIX } from "./wire.js";

const signedBody = z.object({
  id: z.string().startsWith(COMPLETION_ID_PREFIX),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number() }),
  extras: z.object({ receipt: z.string() }),
});

/** What a consumer can hold against the provider's signed receipt. */
export interface SignedAnswer {
  /** Id of the request that was answered, as the answer states it. */
  readonly requestId: string;
  readonly receipt: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/**
 * Reads the receipt and what it must agree with out of a `chat.completion` or the last `chat.completion.chunk`.
 *
 * @returns undefined for a body without a receipt.
 */
export function signedAnswer(body: unknown): SignedAnswer | undefined {
  const { success, data } = signedBody.safeParse(body);
  if (!success) return undefined;
  return {
    requestId: data.id.slice(COMPLETION_ID_PREFIX.length),
    receipt: data.extras.receipt,
    promptTokens: data.usage.prompt_tokens,
    completionTokens: data.usage.completion_tokens,
  };
}
