import type { ProviderAgent } from "@umbel/provider";
import { z } from "zod";
import { VERSION } from "../version.js";
import type { ProviderStatus } from "./ask.js";
import type { ResolvedSettings } from "./resolve-settings.js";

const pauseParameters = z.object({ for_ms: z.number().positive().nullable().default(null) });

/** What the owner's commands may ask of the provider in this process. */
export function controlHandlers(options: {
  readonly agent: ProviderAgent;
  readonly settings: ResolvedSettings;
  readonly startedAt: Date;
  readonly now: () => Date;
  readonly updates: () => ProviderStatus["updates"];
  /** @param grace_ms what running answers have left */
  readonly stop: (grace_ms: number) => void;
}) {
  const { agent, settings, now } = options;
  return {
    status: async () => ({
      ...statusReport(agent, settings, options.startedAt),
      ...{ posture: (await agent.posture()) ?? null, updates: options.updates() },
    }),
    pause: async (parameters: Readonly<Record<string, unknown>>) => {
      const { for_ms } = pauseParameters.parse(parameters);
      await agent.pause(for_ms === null ? Number.POSITIVE_INFINITY : now().getTime() + for_ms);
    },
    resume: async () => agent.resume(),
    stop: async (parameters: Readonly<Record<string, unknown>>) => {
      options.stop(parameters["now"] === true ? 0 : (settings.values.grace_s ?? 0) * 1_000);
    },
  };
}

function statusReport(agent: ProviderAgent, settings: ResolvedSettings, startedAt: Date): Omit<ProviderStatus, "updates" | "posture"> {
  const state = agent.state();
  const { stance, readings, trust, sandbox, totals } = state;
  return {
    pid: process.pid,
    version: VERSION,
    started_at: startedAt.toISOString(),
    phase: state.phase,
    rest_reasons: [...stance.reasons],
    paused_until: pauseEnd(readings?.pausedUntil_ms ?? 0),
    schedule_changes_at: state.scheduleChange?.toISOString() ?? null,
    coordinator: state.coordinatorUrl ?? null,
    endpoint: state.endpoint ?? null,
    connected: state.sessionId !== undefined,
    machine_id: state.machineId ?? null,
    trust_level: trust?.trust_level ?? null,
    trust_reason: trust?.reason ?? null,
    program_unknown: state.runtime === undefined ? null : { enforced: state.runtime.enforced },
    models: [...state.models],
    in_memory: [...state.slots],
    load_failures: [...state.failures],
    in_flight: state.inFlight,
    answers_wait: state.answersWait,
    requests_served: totals.requestsServed,
    tokens_generated: totals.tokensGenerated,
    errors: totals.errors,
    worker_restarts: state.workerRestarts,
    reconnects: state.reconnects,
    sandbox: sandbox === undefined ? null : { ...sandbox },
    memory_troubles: state.memoryTroubles.map(({ at, ...trouble }) => ({ ...trouble, at: at.toISOString() })),
    prefix_cache_refusal: state.prefixCacheRefusal ?? null,
    battery_percent: readings?.battery?.percent ?? null,
    memory: readings?.memory ?? "normal",
    thermal: readings?.thermal ?? "nominal",
    metered: readings?.isMetered ?? null,
    fetches: stance.fetches,
    settings: [...settings.shown],
  };
}

function pauseEnd(until_ms: number): string | null {
  return until_ms > 0 && Number.isFinite(until_ms) ? new Date(until_ms).toISOString() : null;
}
