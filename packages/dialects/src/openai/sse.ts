/** Terminates every stream of OpenAI's older dialects. */
export const DONE = "data: [DONE]\n\n";

/** One server-sent event without a name. */
export function sse(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
