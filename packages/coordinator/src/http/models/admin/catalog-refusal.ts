import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import { ManifestError } from "@umbel/protocol";
import { CatalogError } from "../../../catalog/index.js";

interface Refusal {
  readonly status: 400 | 404 | 409;
  readonly message: string;
}

/** In the words of the API, whose fields have other names than the catalogue's. */
const REFUSALS: Readonly<Record<CatalogError["code"], Refusal>> = {
  invalid_field: { status: 400, message: "the value is not valid" },
  manifest_invalid: { status: 400, message: "the manifest contradicts itself" },
  wrong_model_id: { status: 400, message: "the manifest is of another build" },
  wrong_weight_hash: { status: 400, message: "the manifest has another weight hash" },
  wrong_size: { status: 400, message: "the manifest has another size" },
  version_conflict: { status: 409, message: "version already registered with different content; versions never change, so choose another" },
  version_revoked: { status: 409, message: "the version was revoked, for good; register another" },
  version_unverified: { status: 409, message: "its files are still being read, or one is not what the manifest says; see the registry" },
  version_used: { status: 409, message: "the version has been in service and stays in the history; revoke it instead" },
  name_taken: { status: 409, message: "a build and a name cannot be called the same, unless the name takes the build over" },
  alias_is_itself: { status: 400, message: "a name cannot stand for itself" },
  previous_is_desired: { status: 400, message: "the previous build must be another than the desired one" },
  unknown_build: { status: 404, message: "there is no such build in service" },
  unknown_version: { status: 404, message: "there is no such version" },
  unknown_alias: { status: 404, message: "there is no such name" },
  nothing_before: { status: 409, message: "there is nothing before it to go back to" },
  build_in_use: { status: 409, message: "a name would stand for nothing; point it elsewhere first" },
  changed_meanwhile: { status: 409, message: "somebody else has changed the name meanwhile; read it again" },
};

const CODES: Readonly<Record<Refusal["status"], ApiErrorCode>> = { 400: "invalid_request_error", 404: "not_found", 409: "conflict" };
/** The catalogue's own names of fields, where the API has others. */
const PARAMS: Readonly<Record<string, string>> = {
  desired: "desired_build",
  desiredVersion: "desired_version",
  previous: "previous_build",
  previousVersion: "previous_version",
  displayName: "display_name",
  desiredShare_percent: "desired_share",
  wave_percent: "wave",
  minDesiredProviders: "min_desired_providers",
  contextLength_tokens: "max_context_length",
  maxOutput_tokens: "max_output_length",
  kvBytesPerToken: "kv_bytes_per_token",
  runtimeParameters: "runtime_parameters",
  input_microUsd: "input_price",
  output_microUsd: "output_price",
  "prices.input_microUsd": "input_price",
  "prices.output_microUsd": "output_price",
};

/** A change to the catalogue, whose refusal is the caller's to read. @throws ApiError */
export async function refusable<Result>(change: Promise<Result>): Promise<Result> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof CatalogError) throw toApiError(error);
    throw error;
  }
}

function toApiError(error: CatalogError): ApiError {
  const { status, message } = REFUSALS[error.code];
  const { cause } = error;
  const detail = cause instanceof ManifestError ? `: ${cause.code}${cause.path === undefined ? "" : ` (${cause.path})`}` : "";
  const param = PARAMS[error.field] ?? error.field;
  // Of a member of a name, what is unknown is the request's fault and not the address's.
  const isBody = ["unknown_build", "unknown_version"].includes(error.code) && /^(?:desired|previous)/.test(error.field);
  const answered = isBody ? 400 : status;
  return new ApiError({ status: answered, code: CODES[answered], message: `${message}${detail}`, param, cause: error });
}
