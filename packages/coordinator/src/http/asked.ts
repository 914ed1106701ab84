import { ApiError } from "@umbel/dialects";
import { AccountsError, AccountsUnavailableError } from "../accounts/index.js";

const RETRY_AFTER_s = 2;

/** @throws ApiError 400 for what the accounts refuse, 503 when they do not answer: then the change may have happened or not */
export async function asked<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof AccountsError) {
      throw new ApiError({ status: 400, code: "bad_request", message: error.message, param: error.field });
    }
    if (!(error instanceof AccountsUnavailableError)) throw error;
    const message = "accounts cannot be read or changed right now — please retry";
    throw new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s, cause: error });
  }
}
