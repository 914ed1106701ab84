import { describe, expect, it } from "vitest";
import { EXIT_CODES } from "./exit-codes.js";
import { refuse } from "./refusal.js";

const ADVICE = { remedy: "Look again.", credential: "Check --token.", byCode: { taken: "Choose another." } };

describe("a refusal", () => {
  it.each([
    [{ status: 429, code: "rate_limit_exceeded", retryAfter_s: 7 }, EXIT_CODES.failure, "Try again in 7 seconds."],
    [{ status: 429, code: "rate_limit_exceeded", retryAfter_s: 1 }, EXIT_CODES.failure, "Try again in 1 second."],
    [{ status: 503, code: "service_unavailable" }, EXIT_CODES.failure, "Try again in a while."],
    [{ status: 401, code: "authentication_error" }, EXIT_CODES.authentication, "Check --token."],
    [{ status: 403, code: "account_frozen" }, EXIT_CODES.failure, "Look again."],
    [{ status: 400, code: "bad_request" }, EXIT_CODES.usage, "Look again."],
    [{ status: 409, code: "taken" }, EXIT_CODES.failure, "Choose another."],
  ])("%j says what to do, and ends with its code", (refusal, exitCode, remedy) => {
    expect(() => refuse({ message: "no way", ...refusal }, ADVICE)).toThrow(
      expect.objectContaining({ message: "No way.", exitCode, remedy }),
    );
  });
});
