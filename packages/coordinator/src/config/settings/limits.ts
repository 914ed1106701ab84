import { WIRE_LIMITS } from "@umbel/protocol";
import { decimal, size, wholeNumber } from "../forms.js";
import { setting, wait } from "./setting.js";

/** What a request, a connection and an account may take. */
export const limitsSettings = {
  bodyLimit_bytes: setting(size({ least_bytes: 1024, most_bytes: WIRE_LIMITS.requestBody_bytes_max }), {
    env: "UMBEL_BODY_LIMIT",
    default: "16MiB",
    about: "Largest body of an inference request; larger is 413.",
  }),
  headerTimeout_ms: wait("UMBEL_HEADER_TIMEOUT", "5s", "Time to send the headers of a request; longer is 408."),
  bodyIdleTimeout_ms: wait("UMBEL_BODY_IDLE_TIMEOUT", "30s", "Longest pause while a body arrives; longer is 408."),
  bodyTimeout_ms: wait("UMBEL_BODY_TIMEOUT", "2m", "Time for the whole body to arrive; longer is 408."),
  keepAliveTimeout_ms: wait("UMBEL_KEEP_ALIVE_TIMEOUT", "2m", "How long an idle connection stays open."),
  writeStallTimeout_ms: wait("UMBEL_WRITE_STALL_TIMEOUT", "1m", "How long a consumer may leave its stream unread before it is cut off."),
  keepaliveInterval_ms: wait(
    "UMBEL_PREFILL_KEEPALIVE_INTERVAL",
    "10s",
    "Pause between keepalive comments on a stream that waits for its first content; 0 is off. Keep it below clients' timeouts.",
    0,
  ),
  requestRate_perSecond: setting(decimal({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_RATE_LIMIT_RPS",
    default: "20",
    about: "Inference requests per second of one account; 0 is unlimited.",
  }),
  requestBurst: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_RATE_LIMIT_BURST",
    default: "120",
    about: "Inference requests of one account at once.",
  }),
  serviceRequestRate_perSecond: setting(decimal({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_SERVICE_RATE_LIMIT_RPS",
    default: "200",
    about: "The same per second of one service account; 0 is unlimited.",
  }),
  serviceRequestBurst: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_SERVICE_RATE_LIMIT_BURST",
    default: "600",
    about: "The same of one service account at once.",
  }),
  inputTokens_perMinute: setting(wholeNumber({ least: 0, most: 1_000_000_000_000 }), {
    env: "UMBEL_RATE_LIMIT_ITPM",
    default: "5000000",
    about: "Input tokens per minute of one account, estimated; 0 is unlimited.",
  }),
  inputTokensBurst: setting(wholeNumber({ least: 1, most: 1_000_000_000_000 }), {
    env: "UMBEL_RATE_LIMIT_ITPM_BURST",
    default: "1000000",
    about: "Input tokens of one account at once.",
  }),
  outputTokens_perMinute: setting(wholeNumber({ least: 0, most: 1_000_000_000_000 }), {
    env: "UMBEL_RATE_LIMIT_OTPM",
    default: "500000",
    about: "Output tokens per minute of one account: what a request may make, less what it did not; 0 is unlimited.",
  }),
  outputTokensBurst: setting(wholeNumber({ least: 1, most: 1_000_000_000_000 }), {
    env: "UMBEL_RATE_LIMIT_OTPM_BURST",
    default: "64000",
    about: "Output tokens of one account at once.",
  }),
  idempotencyWindow_ms: wait("UMBEL_IDEMPOTENCY_WINDOW", "24h", "How long an `Idempotency-Key` stands for its first request."),
  sealingKeyRotation_ms: wait(
    "UMBEL_SEALING_KEY_ROTATION",
    "24h",
    "How long a key of sealed mode is the current one; it is accepted for as long again, at most 24h more. 0 switches sealed mode off.",
    0,
  ),
  financialRate_perSecond: setting(decimal({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_FINANCIAL_RATE_LIMIT_RPS",
    default: "0.2",
    about: "Changes per second to an account's keys and money; 0 is unlimited.",
  }),
  financialBurst: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_FINANCIAL_RATE_LIMIT_BURST",
    default: "3",
    about: "Changes at once to an account's keys and money.",
  }),
  publicRate_perSecond: setting(decimal({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_PUBLIC_RATE_LIMIT_RPS",
    default: "10",
    about:
      "Requests per second from one address to routes without authentication; 0 is unlimited, and takes away the limit on wrong credentials.",
  }),
  publicBurst: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_PUBLIC_RATE_LIMIT_BURST",
    default: "40",
    about: "Requests from one address at once to routes without authentication.",
  }),
} as const;
