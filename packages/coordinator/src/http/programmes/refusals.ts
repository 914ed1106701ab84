import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import { INVITE_LIMITS, InviteError, type InviteErrorCode, ReferralError } from "../../accounts/index.js";
import { administered } from "../administration/index.js";

interface Refusal {
  readonly status: number;
  readonly code: ApiErrorCode;
}

const BAD: Refusal = { status: 400, code: "bad_request" };
const INVITE_REFUSALS: Readonly<Record<InviteErrorCode, Refusal>> = {
  unknown: { status: 404, code: "not_found" },
  inactive: BAD,
  expired: BAD,
  used_up: BAD,
  redeemed: BAD,
  invalid: BAD,
  taken: { status: 409, code: "conflict" },
  too_many_misses: { status: 429, code: "rate_limit_exceeded" },
};

/** @throws ApiError for what the programmes refuse, 503 when they do not answer */
export async function granted<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await administered(asking);
  } catch (error) {
    if (error instanceof InviteError) {
      const wait = error.code === "too_many_misses" ? { retryAfter_s: INVITE_LIMITS.missesCount_ms / 1_000 } : { param: error.field };
      throw new ApiError({ ...INVITE_REFUSALS[error.code], message: error.message, ...wait, cause: error });
    }
    if (!(error instanceof ReferralError)) throw error;
    throw new ApiError({ status: 400, code: "referral_error", message: error.message, param: "code", cause: error });
  }
}
