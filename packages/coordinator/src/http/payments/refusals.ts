import { ApiError } from "@umbel/dialects";
import { PaymentRefusal, type PaymentRefusalCode } from "../../payments/index.js";

/** Source: money.md §11, §12. */
const STATUSES: Readonly<Record<PaymentRefusalCode, number>> = {
  billing_error: 503,
  stripe_error: 502,
  chain_error: 502,
  invalid_request_error: 400,
  not_onboarded: 403,
  instant_unavailable: 400,
  insufficient_withdrawable: 400,
  account_frozen: 403,
  conflict: 409,
  not_found: 404,
};

/** @throws ApiError for what payments refuse */
export async function paid<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    if (!(error instanceof PaymentRefusal)) throw error;
    const { code, message, param, cause } = error;
    throw new ApiError({ status: STATUSES[code], code, message, cause, ...(param === undefined ? {} : { param }) });
  }
}

export function nothingThere(what: string): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: `${what} not found` });
}
