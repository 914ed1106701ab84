/**
 * Every error a caller can see, dialect-free. A dialect renders it in its own shape; `status` is the HTTP status before a stream has
 * begun. Source: api.md §6.4.
 */
export const API_ERROR_CODES = [
  "invalid_request_error",
  "remote_media_not_supported",
  "context_length_exceeded",
  "unsupported_parameter",
  "authentication_error",
  "insufficient_quota",
  "auth_error",
  "not_configured",
  "forbidden",
  "confirmation_required",
  "account_frozen",
  "model_not_allowed",
  "model_not_found",
  "not_found",
  "gone",
  "conflict",
  "method_not_allowed",
  "request_timeout",
  "payload_too_large",
  "unsupported_media_type",
  "header_fields_too_large",
  "rate_limit_exceeded",
  "provider_error",
  "model_unavailable",
  "service_unavailable",
  "bad_request",
  "conflict",
  "idempotency_conflict",
  "idempotency_key_reused",
  "release_in_use",
  "invalid_sealed_envelope",
  "kid_mismatch",
  "decryption_failed",
  "replayed_request",
  "encryption_unavailable",
  "no_linked_machine",
  "machine_offline",
  "machine_busy",
  "prompt_too_long",
  "model_not_loaded",
  "timeout",
  "slow_down",
  "access_denied",
  "expired_token",
  "invalid_code",
  "expired_code",
  "already_used",
  "referral_error",
  "billing_error",
  "stripe_error",
  "chain_error",
  "not_onboarded",
  "instant_unavailable",
  "insufficient_withdrawable",
  "account_frozen",
  "precondition_failed",
  "export_error",
  "internal_error",
] as const;
export type ApiErrorCode = (typeof API_ERROR_CODES)[number];

export interface ApiErrorInit {
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly message: string;
  /** OpenAI's `type` where it differs from the code, e.g. `insufficient_funds` for code `insufficient_quota`. */
  readonly type?: string;
  /** Path of the parameter at fault, e.g. `messages[2].content`. */
  readonly param?: string;
  /** Whole seconds after which a retry makes sense; sent as `Retry-After`. */
  readonly retryAfter_s?: number;
  /** The same more exactly, for clients that read `Retry-After-Ms`; absent is `retryAfter_s`. */
  readonly retryAfter_ms?: number;
  /** Further headers that tell more of the refusal, e.g. what is left of a limit. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which limit was reached, for whoever counts them; never sent. */
  readonly tier?: string;
  /** Of what there was too little, and how much, for whoever looks into refusals; never sent. */
  readonly lack?: Lack;
  readonly cause?: unknown;
}

/** What a request needed beyond what was left. */
export interface Lack {
  /** E.g. `account_requests`, `balance`. */
  readonly limit: string;
  /** In the limit's own unit: requests, tokens; of money in micro-USD. */
  readonly by: number;
  readonly isMoney: boolean;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: ApiErrorCode;
  readonly type: string;
  readonly param: string | undefined;
  readonly retryAfter_s: number | undefined;
  readonly retryAfter_ms: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly tier: string | undefined;
  readonly lack: Lack | undefined;

  constructor(init: ApiErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.status = init.status;
    this.code = init.code;
    this.type = init.type ?? init.code;
    this.param = init.param;
    this.retryAfter_s = init.retryAfter_s;
    this.retryAfter_ms = init.retryAfter_ms ?? (init.retryAfter_s === undefined ? undefined : init.retryAfter_s * 1_000);
    this.headers = init.headers ?? {};
    this.tier = init.tier;
    this.lack = init.lack;
  }
}
