import { boolean, date, doublePrecision, index, integer, jsonb, pgTable, primaryKey, text } from "drizzle-orm/pg-core";
import { count, instant, microUsd } from "./columns.js";

/** Why a request went where it went, one row an attempt; partitioned by day. No prompt, no completion, no address, no serial number. */
export const decisions = pgTable(
  "decisions",
  {
    /** UTC, of `at`. */
    day: date("day", { mode: "string" }).notNull(),
    requestId: text("request_id").notNull(),
    attempt: integer("attempt").notNull(),
    at: instant("at").notNull(),
    /** The id under which the consumer was answered. */
    clientRequestId: text("client_request_id").notNull(),
    /** Keyed hash, so that rows of one account are found by whoever knows it, and tell nobody else whose they are. */
    accountDigest: text("account_digest").notNull(),
    keyId: text("key_id"),
    surface: text("surface").notNull(),
    publicModel: text("public_model").notNull(),
    build: text("build").notNull(),
    kind: text("kind", { enum: ["first", "retry", "hedge"] }).notNull(),
    outcome: text("outcome").notNull(),
    waited: boolean("waited").notNull(),
    /** Pseudonym of the chosen machine. */
    provider: text("provider"),
    shape: jsonb("shape").notNull(),
    decision: jsonb("decision").notNull(),
    snapshot: jsonb("snapshot"),
    runnersUp: jsonb("runners_up"),
    refused: jsonb("refused"),
    audit: jsonb("audit"),
    finalStatus: text("final_status", { enum: ["success", "partial_success", "cancelled", "error", "timeout"] }),
    errorClass: text("error_class"),
    errorReason: text("error_reason"),
    clientOutcome: text("client_outcome"),
    providerOutcome: text("provider_outcome"),
    billingOutcome: text("billing_outcome"),
    committed: boolean("committed").notNull().default(false),
    usedHedge: boolean("used_hedge").notNull().default(false),
    hedgeWon: boolean("hedge_won").notNull().default(false),
    prompt_tokens: count("prompt_tokens"),
    completion_tokens: count("completion_tokens"),
    reasoning_tokens: count("reasoning_tokens"),
    cachedPrompt_tokens: count("cached_prompt_tokens"),
    cost_microUsd: microUsd("cost"),
    ttft_ms: doublePrecision("ttft_ms"),
    total_ms: doublePrecision("total_ms"),
    decode_tps: doublePrecision("decode_tps"),
    timing: jsonb("timing"),
    endedAt: instant("ended_at"),
  },
  (table) => [
    primaryKey({ columns: [table.requestId, table.attempt, table.day] }),
    index("decisions_time").on(table.at.desc(), table.requestId.desc(), table.attempt.desc()),
    index("decisions_provider").on(table.provider, table.at.desc()),
    index("decisions_client_request").on(table.clientRequestId),
  ],
);
