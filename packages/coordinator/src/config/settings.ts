/**
 * Every setting of the coordinator, in one table: its name in the environment, its form, its default as one would write it, and what
 * it does. The type `Settings`, the start-up checks and the table in the README all come from here. Source of the defaults: api.md §1, §5,
 * §15; routing.md §8, §9; ops.md §8, §9.2.
 */
import { SELF_REPORTED_MAX, WIRE_LIMITS } from "@umbel/protocol";
import type { z } from "zod";
import {
  adminSecret,
  ageRecipient,
  chainAddress,
  coefficients,
  country,
  countsByName,
  decimal,
  directory,
  duration,
  type Form,
  flag,
  foreignName,
  foreignSecret,
  headerName,
  hostname,
  list,
  listenAddress,
  modelOrigin,
  oidcIssuers,
  oneOf,
  optionalAddress,
  optionalBucket,
  optionalDirectory,
  optionalFile,
  optionalOrigin,
  origin,
  postgresUrl,
  proxyAddress,
  signInProviders,
  size,
  smtpUrl,
  text,
  usd,
  versionFloor,
  wholeNumber,
} from "./forms.js";

interface Setting<Value> extends Form<Value> {
  readonly env: string;
  readonly default: string;
  readonly about: string;
  /** Never shown; may also be given as a file named by `<env>_FILE`. */
  readonly secret?: true;
}

const HOUR_ms = 3_600_000;

function setting<Value>(form: Form<Value>, rest: Omit<Setting<Value>, keyof Form<Value>>): Setting<Value> {
  return { ...form, ...rest };
}

function wait(env: string, fallback: string, about: string, least_ms = 1): Setting<number> {
  return setting(duration({ least_ms, most_ms: 24 * HOUR_ms }), { env, default: fallback, about });
}

function pressure(env: string, fallback: string, what: string): Setting<number> {
  return setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env,
    default: fallback,
    about: `${what}, from which on they count as pressure.`,
  });
}

export const SETTINGS = {
  home: setting(directory, { env: "UMBEL_HOME", default: "~/.umbel", about: "Where the coordinator keeps its state." }),
  host: setting(hostname, { env: "UMBEL_HOST", default: "127.0.0.1", about: "Address to listen on." }),
  port: setting(wholeNumber({ least: 0, most: 65_535 }), {
    env: "UMBEL_PORT",
    default: "8080",
    about: "Port of the API and of the provider socket; 0 takes a free one.",
  }),
  databaseUrl: setting(postgresUrl, {
    env: "UMBEL_DATABASE_URL",
    default: "",
    about: "PostgreSQL server to use; empty starts an embedded one under the home.",
    secret: true,
  }),
  publicUrl: setting(optionalOrigin, {
    env: "UMBEL_PUBLIC_URL",
    default: "",
    about: "Where people reach this coordinator, for the links that it gives them; empty is this machine.",
  }),
  corsOrigins: setting(list(origin), {
    env: "UMBEL_CORS_ORIGIN",
    default: "",
    about: "Origins of web pages that may call the API with credentials.",
  }),
  logLevel: setting(oneOf(["fatal", "error", "warn", "info", "debug", "trace", "silent"]), {
    env: "UMBEL_LOG_LEVEL",
    default: "info",
    about: "Least severe level that is logged.",
  }),
  adminKey: setting(adminSecret, {
    env: "UMBEL_ADMIN_KEY",
    default: "",
    about: "Bearer key of the routes under `/v1/admin`; empty makes one, in `<home>/admin-key`.",
    secret: true,
  }),
  releaseKey: setting(adminSecret, {
    env: "UMBEL_RELEASE_KEY",
    default: "",
    about: "Bearer key that may register releases of the provider program, and do nothing else; empty leaves that to operators.",
    secret: true,
  }),
  releaseSigners: setting(optionalFile, {
    env: "UMBEL_RELEASE_SIGNERS",
    default: "",
    about:
      "File with the public keys of whoever makes releases (`umbel admin releases key` writes it): the installers at `/install.sh` and `/install.ps1` pin them, and a release that none of them signed is refused; empty offers no installer.",
  }),
  adminAccounts: setting(list(text), {
    env: "UMBEL_ADMIN_ACCOUNTS",
    default: "",
    about: "Accounts whose signed-in people may use the routes under `/v1/admin`, too.",
  }),
  trustedProxies: setting(list(proxyAddress), {
    env: "UMBEL_TRUSTED_PROXIES",
    default: "",
    about: "Proxies in front of this coordinator, by address or network, whose `X-Forwarded-For` says who is calling.",
  }),
  countryHeader: setting(headerName, {
    env: "UMBEL_COUNTRY_HEADER",
    default: "",
    about:
      "Header in which those proxies say a caller's country in two letters, such as `CF-IPCountry`, for public figures; empty is that nobody says.",
  }),
  registration: setting(oneOf(["auto", "open", "invite", "closed"]), {
    env: "UMBEL_REGISTRATION",
    default: "auto",
    about: "Who may make an account: anybody, invited addresses, nobody; `auto` is anybody on this machine alone, else invited addresses.",
  }),
  sessionTtl_ms: setting(duration({ least_ms: 60_000, most_ms: 365 * 24 * HOUR_ms }), {
    env: "UMBEL_SESSION_TTL",
    default: "720h",
    about: "How long somebody stays signed in without coming back.",
  }),
  providerTokenTtl_days: setting(wholeNumber({ least: 0, most: 3_650 }), {
    env: "UMBEL_PROVIDER_TOKEN_TTL_DAYS",
    default: "0",
    about: "Days for which a machine that is linked from now on stays so; then its owner approves a code anew. 0 is until it is revoked.",
  }),
  signInRate_perMinute: setting(wholeNumber({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_SIGN_IN_RATE_LIMIT_RPM",
    default: "5",
    about: "Attempts with a password, code or mailed link per minute, of one address and for one e-mail address; 0 is unlimited.",
  }),
  signInRate_perHour: setting(wholeNumber({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_SIGN_IN_RATE_LIMIT_RPH",
    default: "20",
    about: "The same per hour.",
  }),
  smtpUrl: setting(smtpUrl, {
    env: "UMBEL_SMTP_URL",
    default: "",
    about: "Server that sends mail; without one, letters lie in `<home>/mail.jsonl`, and only of a coordinator on this machine alone.",
    secret: true,
  }),
  mailFrom: setting(text, { env: "UMBEL_MAIL_FROM", default: "Umbel <umbel@localhost>", about: "Sender of mail." }),
  signInProviders: setting(signInProviders, {
    env: "UMBEL_SIGN_IN_PROVIDERS",
    default: "",
    about: "Identity providers to sign in with, as JSON: `[{id, name, issuer, client_id, client_secret}]`.",
    secret: true,
  }),
  oidcIssuers: setting(oidcIssuers, {
    env: "UMBEL_OIDC_ISSUERS",
    default: "",
    about:
      "Issuers whose tokens are taken as sessions, as JSON: `[{issuer, audience, jwks_uri?, public_key?, admin_claim?, admin_values?}]`.",
  }),
  adminSecondFactor: setting(flag, {
    env: "UMBEL_ADMIN_SECOND_FACTOR",
    default: "false",
    about: "Whether people need a second factor to use the routes under `/v1/admin`.",
  }),
  modelOrigins: setting(list(modelOrigin), {
    env: "UMBEL_MODEL_ORIGINS",
    default: "",
    about: "Addresses below which machines find the files of every build, before this coordinator's own (`<origin>/<prefix>/<path>`).",
  }),
  weightsGrace_ms: wait(
    "UMBEL_WEIGHTS_GRACE",
    "24h",
    "How long machines still serve weights that another version has replaced under the same id; 0 is not at all.",
    0,
  ),
  metricsListen: setting(listenAddress, {
    env: "UMBEL_METRICS_LISTEN",
    default: "",
    about: "Where operators read `/metrics` and `/decisions/{job id}`, without authentication; empty is off.",
  }),

  minTrust: setting(oneOf(["none", "self_signed", "hardware"]), {
    env: "UMBEL_MIN_TRUST",
    default: "self_signed",
    about: "Least trust level of a machine that gets requests.",
  }),
  minProviderVersion: setting(versionFloor, {
    env: "UMBEL_MIN_PROVIDER_VERSION",
    default: "",
    about: "Oldest provider version that gets requests; empty is any.",
  }),
  socketsPerIp: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_SOCKETS_PER_IP",
    default: "20",
    about: "Provider sockets open at once from one address.",
  }),
  upgradesPerIp_perMinute: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_UPGRADES_PER_IP",
    default: "30",
    about: "Provider sockets opened in a minute from one address.",
  }),

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

  rejectModels: setting(list(text), {
    env: "UMBEL_REJECT_MODELS",
    default: "",
    about: "Models (aliases or builds) that are refused with 429 for now.",
  }),
  servabilityGate: setting(flag, {
    env: "UMBEL_SERVABILITY_GATE",
    default: "true",
    about: "Whether a request that is by estimate more than a tenth longer than the model's context is refused before a machine counts it.",
  }),
  queueBeforeShed: setting(flag, {
    env: "UMBEL_QUEUE_BEFORE_SHED",
    default: "true",
    about: "Whether a request waits for capacity when all machines of its model are busy; else it is refused with 429 at once.",
  }),
  coldDispatch: setting(flag, {
    env: "UMBEL_COLD_DISPATCH",
    default: "true",
    about: "Whether a request goes to a machine that must load its model first when none has it in memory; else it is refused with 503.",
  }),
  ttftHardReject: setting(flag, {
    env: "UMBEL_TTFT_HARD_REJECT",
    default: "false",
    about:
      "Whether a request is refused with 429 when no machine is expected to begin its answer in the time below, time in line included.",
  }),
  firstContentBase_ms: wait("UMBEL_FIRST_CONTENT_BASE", "5s", "Fixed part of the time a provider has for its first content."),
  firstContentPerToken_ms: setting(decimal({ least: 0, most: 1_000 }), {
    env: "UMBEL_FIRST_CONTENT_PER_TOKEN_MS",
    default: "1",
    about: "Part of that time per estimated prompt token, in milliseconds.",
  }),
  loadingExtension_ms: wait("UMBEL_LOADING_EXTENSION", "3m", "Time a provider that reports `loading` has for its first content instead."),
  loadingSilence_ms: wait("UMBEL_LOADING_SILENCE", "90s", "Time a provider that reports `loading` may go without news of its progress."),
  hedging: setting(oneOf(["on", "off"]), {
    env: "UMBEL_HEDGING",
    default: "on",
    about: "Whether a second provider is asked when the first is late; of one request in twenty at most.",
  }),
  contentBudget_ms: wait("UMBEL_CONTENT_BUDGET", "2m", "Time all attempts of one request have for the first content, loading apart."),
  idleTimeout_ms: wait("UMBEL_IDLE_TIMEOUT", "10m", "Longest pause inside an answer."),
  queueSize: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_QUEUE_SIZE",
    default: "10",
    about: "Requests that may wait for capacity of one build; twice its places, if that is more.",
  }),
  queueWait_ms: wait("UMBEL_QUEUE_WAIT", "2m", "How long a request waits for capacity."),
  affinityTtl_ms: wait(
    "UMBEL_CACHE_AFFINITY_TTL",
    "10m",
    "How long a machine is expected to keep the prefix of a prompt that it answered.",
  ),
  affinityBonus_ms: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_CACHE_AFFINITY_BONUS_MS",
    default: "10000",
    about: "Most that a machine is preferred for holding a prompt's beginning, in milliseconds of reading spared; 0 switches it off.",
  }),
  costCoefficients: setting(coefficients, {
    env: "UMBEL_COST_COEFFICIENTS",
    default: "",
    about:
      "Coefficients by which machines are compared that differ from the built-in ones, as `coldLoad_ms=12000,decodeFloor_tps=10`; see docs/routing.md.",
  }),
  settleGrace_ms: wait("UMBEL_SETTLE_GRACE", "30s", "How long a provider has to account for an answer whose consumer has left."),
  drainGrace_ms: wait("UMBEL_DRAIN_GRACE", "10m", "How long a shutdown waits for requests in flight; 0 does not wait.", 0),

  anomalyInterval_ms: wait(
    "UMBEL_THROUGHPUT_ANOMALY_INTERVAL",
    "5m",
    "Time between two looks for machines that write far slower than their memory allows; 0 is off.",
    0,
  ),
  anomalyRatio: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_RATIO",
    default: "0.35",
    about: "Share of the expected rate below which the median of a compute class is reported.",
  }),
  anomalySamples: setting(wholeNumber({ least: 1, most: 100_000 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_MIN_SAMPLES",
    default: "3",
    about: "Machines of the class that must have measured themselves.",
  }),
  anomalyEfficiency: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_THROUGHPUT_ANOMALY_EFFICIENCY",
    default: "0.8",
    about: "Share of a memory's bandwidth that writing tokens is expected to use.",
  }),

  believedDecode_tps: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.decode_tps }), {
    env: "UMBEL_BELIEVED_DECODE_TPS",
    default: "10000",
    about: "Most tokens per second of one answer that a machine's own word is believed for; a higher figure counts as this.",
  }),
  believedPrefill_tps: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.prefill_tps }), {
    env: "UMBEL_BELIEVED_PREFILL_TPS",
    default: "200000",
    about: "Most prompt tokens per second that a machine's own word is believed for; a higher measurement counts as none.",
  }),
  believedBandwidth_gbs: setting(wholeNumber({ least: 1, most: SELF_REPORTED_MAX.memoryBandwidth_gbs }), {
    env: "UMBEL_BELIEVED_MEMORY_BANDWIDTH",
    default: "10000",
    about: "Most memory bandwidth, in 10^9 bytes per second, that a machine's own word is believed for.",
  }),

  warmPool: setting(flag, {
    env: "UMBEL_WARM_POOL_ENABLED",
    default: "true",
    about: "Whether machines are told to load models ahead of requests.",
  }),
  warmPoolObserveOnly: setting(flag, {
    env: "UMBEL_WARM_POOL_OBSERVE_ONLY",
    default: "false",
    about: "Whether that is only planned, logged and counted.",
  }),
  warmPoolInterval_ms: wait("UMBEL_WARM_POOL_INTERVAL", "10s", "Time between two plans; pressure brings the next one forward."),
  warmPoolMinDwell_ms: wait(
    "UMBEL_WARM_POOL_MIN_DWELL",
    "5m",
    "How long a wish for more copies stands, and a copy that was loaded for it stays.",
    0,
  ),
  warmPoolQueueAge_ms: wait("UMBEL_WARM_POOL_QUEUE_AGE_THRESHOLD", "0", "Age of the oldest waiting request that counts as pressure.", 0),
  warmPoolCapacityRejects: pressure("UMBEL_WARM_POOL_CAPACITY_REJECT_THRESHOLD", "1", "Requests of late that found every place taken"),
  warmPoolTtftMisses: pressure("UMBEL_WARM_POOL_TTFT_MISS_THRESHOLD", "1", "First tokens of late that came too late"),
  warmPoolHedgesStarted: pressure("UMBEL_WARM_POOL_SPECULATIVE_START_THRESHOLD", "2", "Requests of late sent to a second machine"),
  warmPoolHedgesWon: pressure("UMBEL_WARM_POOL_SPECULATIVE_WIN_THRESHOLD", "1", "Second machines of late that were faster"),
  warmPoolColdDispatches: pressure("UMBEL_WARM_POOL_COLD_DISPATCH_THRESHOLD", "1", "Requests of late that waited for a load"),
  warmPoolSaturation: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_WARM_POOL_WARM_SATURATION_THRESHOLD",
    default: "0.8",
    about: "Share of copies without a free place from which any such event counts as pressure.",
  }),
  warmPoolBurst_copies: setting(wholeNumber({ least: 0, most: 1_000 }), {
    env: "UMBEL_WARM_POOL_BURST_BUFFER",
    default: "1",
    about: "Copies beyond what the demand comes to.",
  }),
  warmPoolFallbackPlaces: setting(wholeNumber({ least: 1, most: 1_000 }), {
    env: "UMBEL_WARM_POOL_FALLBACK_QUALITY_CONCURRENCY",
    default: "4",
    about: "Requests at once that a copy is reckoned with on a machine of unknown speed.",
  }),
  warmPoolPrompt_tokens: setting(wholeNumber({ least: 0, most: 10_000_000 }), {
    env: "UMBEL_WARM_POOL_ASSUMED_PROMPT_TOKENS",
    default: "512",
    about: "Prompt of a request of a build that has served none yet.",
  }),
  warmPoolCompletion_tokens: setting(wholeNumber({ least: 0, most: 10_000_000 }), {
    env: "UMBEL_WARM_POOL_ASSUMED_COMPLETION_TOKENS",
    default: "256",
    about: "Answer of such a request.",
  }),
  warmPoolMinWarm: setting(countsByName({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MIN_WARM",
    default: "",
    about: "Copies to keep in memory whatever the demand, as `build=number`, comma-separated.",
  }),
  warmPoolLoadsPerPlan: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_LOADS_PER_TICK",
    default: "4",
    about: "Loads of one plan, more if many copies are missing; 0 plans without loading.",
  }),
  warmPoolLoadsPerPlan_max: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_LOADS_PER_TICK_CEILING",
    default: "16",
    about: "Loads of one plan however many are missing.",
  }),
  warmPoolRampFraction: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_WARM_POOL_RAMP_GAP_FRACTION",
    default: "0.5",
    about: "Share of the missing copies that one plan may load.",
  }),
  warmPoolPendingLoads_max: setting(wholeNumber({ least: 0, most: 100_000 }), {
    env: "UMBEL_WARM_POOL_MAX_GLOBAL_PENDING_LOADS",
    default: "16",
    about: "Loads under way at once in the whole network; 0 plans without loading.",
  }),

  decisionRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_DECISION_RETENTION_DAYS",
    default: "30",
    about: "Days for which is kept why requests went where they went.",
  }),
  telemetryRetention_days: setting(wholeNumber({ least: 0, most: 3_650 }), {
    env: "UMBEL_TELEMETRY_RETENTION_DAYS",
    default: "14",
    about: "Days for which is kept what machines and consoles tell of themselves; 0 counts it and keeps nothing.",
  }),
  logReportRetention_days: setting(wholeNumber({ least: 1, most: 3_650 }), {
    env: "UMBEL_LOG_REPORT_RETENTION_DAYS",
    default: "30",
    about: "Days for which logs are kept that owners of machines send.",
  }),
  decisionSample: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_DECISION_SAMPLE",
    default: "0.1",
    about:
      "Share of decisions that are kept with the machines that were not chosen, where more than 16 offer the build; those that failed always are.",
  }),

  platformFee_percent: setting(wholeNumber({ least: 0, most: 100 }), {
    env: "UMBEL_PLATFORM_FEE_PERCENT",
    default: "0",
    about: "Share of each charge that stays with the operator.",
  }),
  stateExport: setting(flag, {
    env: "UMBEL_STATE_EXPORT",
    default: "false",
    about: "Whether whoever holds the operator's key may fetch database, keys and secrets at `/v1/admin/state-export`.",
  }),
  stateExportRecipients: setting(list(ageRecipient), {
    env: "UMBEL_STATE_EXPORT_RECIPIENTS",
    default: "",
    about: "Public keys (`age1…`) whose owners can open that; needed for it, because it is never sent in the clear.",
  }),
  backupDirectory: setting(optionalDirectory, {
    env: "UMBEL_BACKUP_DIR",
    default: "",
    about: "Where backups are put by themselves; empty makes none.",
  }),
  backupRecipients: setting(list(ageRecipient), {
    env: "UMBEL_BACKUP_RECIPIENTS",
    default: "",
    about: "Public keys (`age1…`) whose owners can open them; needed with the directory or the bucket.",
  }),
  backupInterval_ms: setting(duration({ least_ms: 60_000, most_ms: 31 * 24 * HOUR_ms }), {
    env: "UMBEL_BACKUP_INTERVAL",
    default: "24h",
    about: "Time between two backups.",
  }),
  backupKeep: setting(wholeNumber({ least: 1, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP",
    default: "14",
    about: "Backups that are kept, the latest.",
  }),
  backupKeepHourly: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_HOURLY",
    default: "24",
    about: "Latest hours of which the last backup is kept as well.",
  }),
  backupKeepDaily: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_DAILY",
    default: "14",
    about: "Latest days of which the last backup is kept as well.",
  }),
  backupKeepWeekly: setting(wholeNumber({ least: 0, most: 10_000 }), {
    env: "UMBEL_BACKUP_KEEP_WEEKLY",
    default: "8",
    about: "Latest weeks of which the last backup is kept as well.",
  }),
  backupBucket: setting(optionalBucket, {
    env: "UMBEL_BACKUP_S3",
    default: "",
    about: "Bucket of anything that speaks as S3 does, where backups are put by themselves, besides the directory or instead of it.",
  }),
  backupBucketEndpoint: setting(optionalAddress, {
    env: "UMBEL_BACKUP_S3_ENDPOINT",
    default: "",
    about: "Where that bucket is; empty is AWS.",
  }),
  backupBucketRegion: setting(text, {
    env: "UMBEL_BACKUP_S3_REGION",
    default: "us-east-1",
    about: "Its region.",
  }),
  backupBucketKeyId: setting(foreignName, {
    env: "UMBEL_BACKUP_S3_KEY_ID",
    default: "",
    about: "Who asks it; the key needs to read, write, list and delete there.",
  }),
  backupBucketSecret: setting(foreignSecret, {
    env: "UMBEL_BACKUP_S3_SECRET",
    default: "",
    about: "The secret of that key.",
    secret: true,
  }),
  baseRewards: setting(flag, {
    env: "UMBEL_BASE_REWARDS",
    default: "false",
    about: "Whether machines are paid for being there, too.",
  }),
  baseRewardsReduction: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_K",
    default: "0",
    about: "How much of what a machine earned is taken off that.",
  }),
  baseRewardsPool_microUsd: setting(wholeNumber({ least: 0, most: 9_999_999_999 }), {
    env: "UMBEL_BASE_REWARDS_POOL_MICRO",
    default: "9000000000",
    about: "What all of that may come to in a month, in millionths of a USD.",
  }),
  baseRewardsUptime: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_MIN_UPTIME",
    default: "0.90",
    about: "Share of five minutes for which a machine must be there to be paid for them.",
  }),
  baseRewardsAccountShare: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_ACCOUNT_CAP",
    default: "0",
    about: "Share of it that one account gets at most; 0 is no limit.",
  }),
  baseRewardsLifetime_microUsd: setting(wholeNumber({ least: 0, most: 9_999_999_999 }), {
    env: "UMBEL_BASE_REWARDS_LIFETIME_MICRO",
    default: "0",
    about: "What all of that may ever come to, in millionths of a USD; 0 is no limit.",
  }),
  baseRewardsMinTrust: setting(oneOf(["none", "self_signed", "hardware"]), {
    env: "UMBEL_BASE_REWARDS_MIN_TRUST",
    default: "hardware",
    about: "Least trust level of a machine that is paid for being there.",
  }),
  erasureDelay_days: setting(wholeNumber({ least: 0, most: 365 }), {
    env: "UMBEL_ERASURE_DELAY_DAYS",
    default: "14",
    about: "Days for which somebody may think better of having the account erased.",
  }),
  referralShare_percent: setting(wholeNumber({ least: 0, most: 50 }), {
    env: "UMBEL_REFERRAL_SHARE_PERCENT",
    default: "20",
    about: "Share of the operator's part that goes to whoever brought the payer; 0 is none.",
  }),
  referralWindow_days: setting(wholeNumber({ least: 0, most: 36_500 }), {
    env: "UMBEL_REFERRAL_WINDOW_DAYS",
    default: "0",
    about: "Days for which that lasts after the payer was brought; 0 is for ever.",
  }),
  providerPriceMultiple_max: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_PROVIDER_PRICE_MAX_MULTIPLE",
    default: "10",
    about: "How many times the list price a provider may ask for its own machines' work at most.",
  }),
  unclaimed_days: setting(wholeNumber({ least: 0, most: 36_500 }), {
    env: "UMBEL_UNCLAIMED_DAYS",
    default: "30",
    about: "Days for which earnings of a machine that is linked to no account wait for an owner; then they are the operator's.",
  }),
  requireLinkedProvider: setting(flag, {
    env: "UMBEL_REQUIRE_LINKED_PROVIDER",
    default: "false",
    about: "Whether machines that are linked to no account get no requests.",
  }),
  spillAlways: setting(flag, {
    env: "UMBEL_SPILL_ALWAYS",
    default: "false",
    about:
      "Whether every settlement is written to disk before it is booked, so that a crash in that moment loses nobody's earning; costs a disk write a request.",
  }),

  stripeSecretKey: setting(foreignSecret, {
    env: "UMBEL_STRIPE_SECRET_KEY",
    default: "",
    about: "Secret key of a Stripe account, for deposits by card and withdrawals to bank accounts; empty takes no cards.",
    secret: true,
  }),
  stripeWebhookSecret: setting(foreignSecret, {
    env: "UMBEL_STRIPE_WEBHOOK_SECRET",
    default: "",
    about: "Signing secret of the webhook of that account; without it no event is taken.",
    secret: true,
  }),
  stripeConnectWebhookSecret: setting(foreignSecret, {
    env: "UMBEL_STRIPE_CONNECT_WEBHOOK_SECRET",
    default: "",
    about: "Signing secret of the webhook of connected accounts; without it no event of theirs is taken.",
    secret: true,
  }),
  stripeApiUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_API_URL",
    default: "",
    about: "Another address of Stripe's API, for a proxy or a server of your own to test with; empty is Stripe.",
  }),
  stripeSuccessUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_SUCCESS_URL",
    default: "",
    about: "Where Stripe sends a payer afterwards; `{CHECKOUT_SESSION_ID}` in it is replaced. Empty is the console.",
  }),
  stripeCancelUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CANCEL_URL",
    default: "",
    about: "Where Stripe sends somebody who does not pay. Empty is the console.",
  }),
  stripeConnectCountry: setting(country, {
    env: "UMBEL_STRIPE_CONNECT_COUNTRY",
    default: "US",
    about: "Country of whoever is paid and names none.",
  }),
  stripeConnectReturnUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CONNECT_RETURN_URL",
    default: "",
    about: "Where Stripe sends somebody who has said where to pay to. Empty is the console.",
  }),
  stripeConnectRefreshUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CONNECT_REFRESH_URL",
    default: "",
    about: "Where Stripe sends somebody whose page for that has expired. Empty is the console.",
  }),
  depositMax_usd: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_DEPOSIT_MAX_USD",
    default: "10000",
    about: "Largest deposit by card.",
  }),
  withdrawDailyMax_usd: setting(wholeNumber({ least: 1, most: 10_000_000 }), {
    env: "UMBEL_WITHDRAW_MAX_DAILY_USD",
    default: "5000",
    about: "Most that one account may withdraw in a day, UTC.",
  }),
  payoutHold_hours: setting(wholeNumber({ least: 0, most: 8_760 }), {
    env: "UMBEL_PAYOUT_HOLD_HOURS",
    default: "0",
    about: "For how long an earning cannot be withdrawn.",
  }),
  chainRpcUrl: setting(optionalAddress, {
    env: "UMBEL_CHAIN_RPC_URL",
    default: "",
    about: "JSON-RPC address of a chain of the Ethereum kind, for withdrawals in a stablecoin; empty pays out on no chain.",
    secret: true,
  }),
  chainId: setting(wholeNumber({ least: 0, most: 4_294_967_295 }), {
    env: "UMBEL_CHAIN_ID",
    default: "0",
    about: "Number of that chain, which it must answer with.",
  }),
  chainToken: setting(chainAddress, {
    env: "UMBEL_CHAIN_TOKEN",
    default: "",
    about: "Contract of the stablecoin (ERC-20), worth one USD.",
  }),
  chainTokenDecimals: setting(wholeNumber({ least: 6, most: 36 }), {
    env: "UMBEL_CHAIN_TOKEN_DECIMALS",
    default: "6",
    about: "Decimals of the stablecoin.",
  }),
  chainKeyFile: setting(optionalFile, {
    env: "UMBEL_CHAIN_KEY_FILE",
    default: "",
    about: "File with the private key of the address that pays, `0x` and 64 hexadecimal digits; its owner alone may read it (0600).",
  }),
  chainConfirmations: setting(wholeNumber({ least: 1, most: 10_000 }), {
    env: "UMBEL_CHAIN_CONFIRMATIONS",
    default: "12",
    about: "Blocks, from its own on, after which a withdrawal on the chain counts as paid.",
  }),
  chainFee_microUsd: setting(usd, {
    env: "UMBEL_CHAIN_FEE_USD",
    default: "1",
    about: "What a withdrawal on the chain costs its owner.",
  }),
  billingMock: setting(flag, {
    env: "UMBEL_BILLING_MOCK",
    default: "false",
    about:
      "Whether deposits are credited without any payment, to try things out. Refuses to start beside a Stripe key, in production, or with a database elsewhere.",
  }),
  allowBillingMock: setting(flag, {
    env: "UMBEL_ALLOW_BILLING_MOCK_I_KNOW",
    default: "false",
    about: "Whether it may do so in production or with a database elsewhere all the same.",
  }),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;

/** What the coordinator was told, read once at start. Units are in the names. */
export type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]["schema"]> };
