import { ModelError, ProviderError } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";

/** A failure of a provider in words, and what to do; anything else as it is. */
export function asCliError(error: unknown): unknown {
  if (error instanceof ModelError)
    return new CliError(error.message, EXIT_CODES.verification, "Check the directory given with --model.", { cause: error });
  if (error instanceof ProviderError) {
    const exitCodes: Partial<Record<string, CliError["exitCode"]>> = {
      auth_token_invalid: EXIT_CODES.authentication,
      no_gpu: EXIT_CODES.hardware,
    };
    const exitCode = exitCodes[error.code] ?? EXIT_CODES.failure;
    return new CliError(error.message, exitCode, undefined, { cause: error });
  }
  return error;
}
