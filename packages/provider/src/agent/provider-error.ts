import { KeyDirectoryError } from "../evidence/key-directory.js";
import { EndpointError } from "../local/index.js";
import { ModelError } from "../models/model-error.js";
import type { RegistrationErrorCode } from "../session/registration-error.js";
import type { LoadFailure, StartFailure } from "../worker/pipe-messages.js";

export type ProviderErrorCode =
  | RegistrationErrorCode
  | StartFailure
  | "unknown_models"
  | "no_models"
  | "models_not_loaded"
  | "model_record_invalid"
  | "already_started"
  | "local_address"
  | "local_key"
  | "stopped"
  | "internal";

/** Why a provider cannot run and will not run by trying again. The message is for its operator and says what to do. */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  constructor(
    readonly code: ProviderErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** @param keyDirectory for the operator to look at */
export function startFailureError(code: StartFailure, keyDirectory: string): ProviderError {
  const advice: Readonly<Record<StartFailure, string>> = {
    key_exposed: `Others on this machine can read or replace the device key in ${keyDirectory}. If nobody has, run chmod 700 on the folder and chmod 600 on device.pem; otherwise delete it, and this machine becomes a new one.`,
    key_invalid: `The device key in ${keyDirectory} is damaged. Restore it from a backup, or delete it, and this machine becomes a new one.`,
    key_unwritable: `The device key in ${keyDirectory} can be neither read nor made. Check the folder's owner, its permissions, and the space on its disk.`,
    inspector_attached: "A debugger is attached to the worker, which could read what it must not. Start without it.",
    no_gpu:
      "There is no graphics card as the settings ask for one that llama.cpp can use. Check its driver, or change backend.gpu or backend.allow_cpu.",
  };
  return new ProviderError(code, advice[code]);
}

export function notLoadedError(failures: readonly LoadFailure[]): ProviderError {
  const list = failures.map(({ build, code, message }) => `${build} (${code}: ${message})`).join("; ");
  return new ProviderError("models_not_loaded", `No model could be loaded: ${list}.`);
}

/** What went wrong before the worker was there, in a provider's terms. */
export function asProviderError(error: unknown, keyDirectory: string): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof KeyDirectoryError) return startFailureError(error.code, keyDirectory);
  if (error instanceof EndpointError) return new ProviderError(error.code, error.message, { cause: error });
  if (error instanceof ModelError) return new ProviderError("model_record_invalid", error.message, { cause: error });
  return new ProviderError("internal", error instanceof Error ? error.message : "The provider could not be started.", { cause: error });
}
