import { z } from "zod";
import type { RenderContext } from "../dialect.js";

/** What Umbel adds to an answer, under one key that no official client reads; the same in every dialect. */
export const extrasObject = z
  .object({
    receipt: z.string().describe("The provider's signed usage receipt (JWS)."),
    request_id: z.string().describe("Id of the inference job, which the receipt names, too."),
  })
  .describe("What Umbel adds.");

export function wireExtras(context: RenderContext<unknown>): { extras?: z.infer<typeof extrasObject> } {
  const receipt = context.receipt?.();
  return receipt === undefined ? {} : { extras: { receipt, request_id: context.id } };
}

const openAiUsage = z.object({ prompt_tokens: z.number(), completion_tokens: z.number().default(0) });
/** Anthropic's and that of OpenAI's responses; the former counts what came from a cache apart. */
const splitUsage = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  cache_creation_input_tokens: z.number().default(0),
  cache_read_input_tokens: z.number().default(0),
});
const signedObject = z.object({ extras: extrasObject, usage: z.union([openAiUsage, splitUsage]) });
/** The last event of OpenAI's responses has the whole response in it. */
const signedBody = z.union([signedObject, z.object({ response: signedObject }).transform(({ response }) => response)]);

/** What a consumer can hold against the provider's signed receipt. */
export interface SignedAnswer {
  /** Id of the request that was answered, as the answer states it. */
  readonly requestId: string;
  readonly receipt: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/**
 * Reads the receipt and what it must agree with out of a whole answer, or the data of a stream's last event, of any dialect.
 *
 * @returns undefined for a body without a receipt.
 */
export function signedAnswer(body: unknown): SignedAnswer | undefined {
  const { success, data } = signedBody.safeParse(body);
  if (!success) return undefined;
  const { extras, usage } = data;
  const counts =
    "prompt_tokens" in usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : {
          promptTokens: usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens,
          completionTokens: usage.output_tokens,
        };
  return { requestId: extras.request_id, receipt: extras.receipt, ...counts };
}
