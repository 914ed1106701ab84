import { z } from "zod";
import type { HttpDependencies } from "./dependencies.js";
import type { Route } from "./route.js";

/** How long a probe of the database may take, and how long its result stands. Source: ops.md §7.1. */
const PROBE_TIMEOUT_ms = 2_000;
const PROBE_VALID_ms = 5_000;

const healthObject = z.object({ status: z.literal("ok"), draining: z.boolean(), providers: z.int(), version: z.string() });
const readyObject = z.object({ ready: z.boolean(), draining: z.boolean(), inflight: z.int(), checks: z.object({ database: z.boolean() }) });

/** Liveness: 200 as long as the process serves. Readiness: 503 while draining or without a database. */
export function healthRoutes(dependencies: HttpDependencies, isDraining: () => boolean): readonly Route[] {
  const { fleet, inference, version } = dependencies;
  const databaseAnswers = createDatabaseProbe(dependencies);
  return [
    {
      method: "GET",
      url: "/health",
      access: "probe",
      doc: { tag: "Service", summary: "Whether the coordinator is alive", answer: healthObject },
      handle: async () => ({ status: "ok", draining: isDraining(), providers: fleet.connected(), version }),
    },
    {
      method: "GET",
      url: "/readyz",
      access: "probe",
      doc: { tag: "Service", summary: "Whether it can serve; 503 while it drains or has no database", answer: readyObject, errors: [503] },
      async handle(_request, reply) {
        const database = await databaseAnswers();
        const ready = database && !isDraining();
        reply.status(ready ? 200 : 503);
        return { ready, draining: isDraining(), inflight: inference.inFlight(), checks: { database } };
      },
    },
  ];
}

function createDatabaseProbe({ clock, pingDatabase }: HttpDependencies): () => Promise<boolean> {
  let last: { readonly at_ms: number; readonly answers: Promise<boolean> } | undefined;
  return () => {
    const now_ms = clock.now_ms();
    if (last === undefined || now_ms - last.at_ms > PROBE_VALID_ms) last = { at_ms: now_ms, answers: probe() };
    return last.answers;
  };

  function probe(): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = clock.setTimer(PROBE_TIMEOUT_ms, () => resolve(false));
      pingDatabase()
        .then(
          () => resolve(true),
          () => resolve(false),
        )
        .finally(cancel);
    });
  }
}
