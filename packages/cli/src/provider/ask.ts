import { posture } from "@umbel/protocol";
import { askProvider, ControlError } from "@umbel/provider";
import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";

const resident = z.object({
  model: z.string(),
  state: z.string(),
  num_running: z.number(),
  num_waiting: z.number(),
  max_concurrency: z.number(),
});

/** What a running provider says of itself. Also what `umbel provider status --json` prints under `provider`. */
export const providerStatus = z.object({
  pid: z.number(),
  version: z.string(),
  started_at: z.string(),
  phase: z.string(),
  rest_reasons: z.array(z.string()),
  /** null: not paused, or until further notice. */
  paused_until: z.string().nullable(),
  schedule_changes_at: z.string().nullable(),
  /** null: it serves this machine's own programs only. */
  coordinator: z.string().nullable(),
  /** null: it opens none for this machine's own programs. */
  endpoint: z.string().nullable(),
  connected: z.boolean(),
  machine_id: z.string().nullable(),
  trust_level: z.string().nullable(),
  trust_reason: z.string().nullable(),
  /** That its program is none of the coordinator's releases, and whether it gets no requests for that; null: nothing is amiss. */
  program_unknown: z.object({ enforced: z.boolean() }).nullable().default(null),
  models: z.array(z.string()),
  in_memory: z.array(resident),
  load_failures: z.array(z.object({ build: z.string(), code: z.string(), message: z.string() })),
  in_flight: z.number(),
  answers_wait: z.boolean().default(false),
  requests_served: z.number(),
  tokens_generated: z.number(),
  errors: z.number(),
  worker_restarts: z.number(),
  reconnects: z.number(),
  sandbox: z.record(z.string(), z.unknown()).nullable(),
  /** null: of a version that does not tell, or one that starts. */
  posture: posture.nullable().default(null),
  /** That memory ran out, before this start or since. */
  memory_troubles: z.array(
    z.object({ what: z.enum(["ran_out", "killed"]), who: z.enum(["provider", "worker"]), at: z.string(), evidence: z.string() }),
  ),
  /** Why no prompts are kept on the disk although room is granted; null: they are, or none is. */
  prefix_cache_refusal: z.string().nullable(),
  battery_percent: z.number().nullable(),
  memory: z.string(),
  thermal: z.string(),
  /** null: the system does not tell. */
  metered: z.boolean().nullable(),
  /** Whether models are fetched in the background now. */
  fetches: z.boolean(),
  /** null: of a version that does not tell. */
  updates: z
    .object({
      /** Whether Umbel installed itself, and so may update itself. */
      managed: z.boolean(),
      looked_at: z.string().nullable(),
      problem: z.string().nullable(),
    })
    .nullable()
    .default(null),
  settings: z.array(z.object({ key: z.string(), value: z.unknown(), source: z.string() })),
});
export type ProviderStatus = z.infer<typeof providerStatus>;

/** @returns undefined when no provider runs on the home. @throws CliError when one runs and does not answer sensibly */
export async function statusOf(home: string): Promise<ProviderStatus | undefined> {
  try {
    return providerStatus.parse(await askProvider(home, "status"));
  } catch (error) {
    if (error instanceof ControlError && error.code === "not_running") return undefined;
    throw asCliError(error);
  }
}

/** Tells a running provider to do something. @throws CliError when none runs, or it says no */
export async function tell(home: string, ask: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  try {
    return await askProvider(home, ask, parameters);
  } catch (error) {
    throw asCliError(error);
  }
}

function asCliError(error: unknown): unknown {
  if (error instanceof z.ZodError) {
    return new CliError("The provider that runs is of another version.", EXIT_CODES.failure, "Restart it: umbel provider restart.", {
      cause: error,
    });
  }
  if (!(error instanceof ControlError)) return error;
  const remedies = {
    not_running: "Start one: umbel provider start.",
    already_running: "Stop it first: umbel provider stop.",
    no_answer: "It may be stuck: see umbel provider logs, then umbel provider stop --now and start.",
    refused: undefined,
  } as const;
  return new CliError(error.message, EXIT_CODES.failure, remedies[error.code], { cause: error });
}
