import { z } from "zod";

const duration_ms = z.number().nonnegative().max(3_600_000);

const fault = z.strictObject({
  /** `crash` ends the process, `error` and `out_of_memory` end the load or the answer with an error, `stall` says nothing more until it is cancelled. */
  kind: z.enum(["crash", "error", "out_of_memory", "stall"]),
  at: z.union([z.literal("load"), z.literal("first_token"), z.strictObject({ afterTokens: z.number().int().positive() })]),
  /** The first load or request that is struck; the first of all is number 1. */
  from: z.number().int().positive().default(1),
  /** Only so many loads or requests are struck; absent is all that follow. */
  times: z.number().int().positive().optional(),
});
export type ScriptedFault = z.infer<typeof fault>;

/** How the scripted engine behaves. It comes from a file or a command line. */
export const scriptedEngineScript = z.strictObject({
  load_ms: duration_ms.default(0),
  /** From the start of a request to its first token. */
  firstToken_ms: duration_ms.default(0),
  /** Of each stream, not of all together. */
  tokens_per_s: z.union([z.number().positive().max(1_000_000), z.literal("unlimited")]).default("unlimited"),
  /** Length of an answer of kind `words`. */
  answerTokens: z.number().int().positive().max(1_000_000).default(32),
  answer: z
    .discriminatedUnion("kind", [
      /** Repeats the last user's text of a ChatML prompt, or the whole prompt of another kind. */
      z.strictObject({ kind: z.literal("echo") }),
      /** Words that follow from the request's seed. */
      z.strictObject({ kind: z.literal("words") }),
      z.strictObject({ kind: z.literal("text"), text: z.string().max(1_000_000) }),
    ])
    .default({ kind: "words" }),
  /** What all requests together may hold; absent is as much as their contexts. */
  cache_tokens: z.number().int().positive().optional(),
  /** What loads are said to take, and do take; absent is nothing that could be told. */
  memory: z
    .strictObject({
      fixed_bytes: z.number().nonnegative(),
      /** Of the context of every sequence. */
      token_bytes: z.number().nonnegative(),
      /** What is taken, by what was said. */
      taken: z.number().positive().default(1),
    })
    .optional(),
  faults: z.array(fault).max(16).default([]),
});
export type ScriptedEngineScript = z.infer<typeof scriptedEngineScript>;
