import { ApiError } from "@umbel/dialects";

/** What a caller may set as its deadline, in milliseconds. */
export const DEADLINE_LIMITS = { deadline_ms_min: 1, deadline_ms_max: 3_600_000 } as const;

export const DEADLINE_HEADER = "X-Umbel-Deadline-Ms";
const WHOLE_NUMBER = /^\d{1,16}$/;
const SECONDS = /^\d{1,12}(\.\d{1,6})?$/;

/**
 * How long the caller waits for an answer to begin, in milliseconds; undefined if it does not say. OpenAI's and Anthropic's clients send the
 * time-out they were given as `X-Stainless-Timeout`, in seconds: theirs to word, so what cannot be read there is left alone.
 *
 * @throws ApiError 400 for a deadline of our own header that is none
 */
export function patience_ms(headers: Readonly<Record<string, string | readonly string[] | undefined>>): number | undefined {
  const own = headers[DEADLINE_HEADER.toLowerCase()];
  return own === undefined ? clientsTimeout_ms(headers["x-stainless-timeout"]) : asked_ms(String(own));
}

function asked_ms(value: string): number {
  const { deadline_ms_min, deadline_ms_max } = DEADLINE_LIMITS;
  const deadline_ms = WHOLE_NUMBER.test(value) ? Number(value) : Number.NaN;
  if (deadline_ms >= deadline_ms_min && deadline_ms <= deadline_ms_max) return deadline_ms;
  throw new ApiError({
    status: 400,
    code: "invalid_request_error",
    message: `the header ${DEADLINE_HEADER} must be a whole number of milliseconds from ${deadline_ms_min} to ${deadline_ms_max}`,
    param: DEADLINE_HEADER,
  });
}

function clientsTimeout_ms(value: string | readonly string[] | undefined): number | undefined {
  const timeout_ms = typeof value === "string" && SECONDS.test(value) ? Number(value) * 1_000 : 0;
  // Zero, which no client waits, stands for a time-out that is shorter than its unit.
  return timeout_ms > 0 ? Math.min(timeout_ms, DEADLINE_LIMITS.deadline_ms_max) : undefined;
}
