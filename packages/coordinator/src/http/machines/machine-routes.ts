import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { COUNTER_NAMES, type KnownMachine } from "../../fleet/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { createVerdicts, type MachineVerdict } from "./why.js";

/** How far back work is counted. */
const LATELY_ms = 24 * 3_600_000;
const RETRY_AFTER_s = 2;
const SESSIONS_max = 500;

const buildVerdict = z.object({
  build: z.string(),
  state: z.enum(["competes", "refused"]),
  reason: z.string().nullable(),
  kind: z.string().nullable(),
  words: z.array(z.string()),
  advice: z.string().nullable(),
  rank: z.int().nullable().describe("Among the machines that may be chosen; 1 is the first choice."),
  competitors: z.int(),
  cost_ms: z.number().nullable(),
  best_cost_ms: z.number().nullable(),
});

const routing = z.object({
  state: z.enum(["gets_work", "no_work"]),
  reason: z.string().nullable().describe("offline, untrusted, no_models, or the reason of the first gate that refuses it."),
  words: z.array(z.string()),
  advice: z.string().nullable().describe("What its owner can do."),
  builds: z.array(buildVerdict),
});

const machineObject = z.object({
  id: z.string().describe("Pseudonym of the machine, as in `X-Provider-Id`."),
  status: z.enum(["online", "draining", "untrusted", "offline"]),
  version: z.string(),
  registered_at: z.iso.datetime(),
  last_seen_at: z.iso.datetime(),
  private_only: z.boolean().nullable(),
  trust_level: z.string().nullable(),
  compute_class: z.string().nullable(),
  total_memory_gb: z.number().nullable(),
  memory_pressure: z.number().nullable(),
  cpu_usage: z.number().nullable(),
  thermal: z.string().nullable(),
  pending_requests: z.int().nullable(),
  lifetime: z
    .object(Object.fromEntries(COUNTER_NAMES.map((name) => [name, z.int()])) as Record<(typeof COUNTER_NAMES)[number], z.ZodInt>)
    .describe("What it has counted since it was first registered, its own programs' requests included."),
  models: z.array(z.object({ id: z.string(), state: z.string().nullable(), running: z.int(), waiting: z.int(), places: z.int() })),
  routing,
});

export const machineList = z.object({
  object: z.literal("list"),
  data: z.array(machineObject),
  min_provider_version: z.string().nullable(),
  min_trust: z.string(),
});

export const machineWhy = z.object({
  id: z.string(),
  ...routing.shape,
  lately: z.object({
    hours: z.int(),
    chosen: z.int().describe("Attempts that went to the machine."),
    failed: z.int(),
    last_at: z.iso.datetime().nullable(),
    asked: z.int().describe("Requests of everybody for the builds that it offers."),
  }),
});

const machineSessionList = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      opened_at: z.iso.datetime(),
      last_seen_at: z.iso.datetime(),
      closed_at: z.iso.datetime().nullable().describe("null while it is connected."),
      reason: z.string().nullable().describe("Why it ended: peer_closed, socket_error, oom_suspected, stale, shutdown and others."),
      version: z.string(),
    }),
  ),
});
const sessionsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(SESSIONS_max).default(50) });

const unlinkedMachine = z.object({ id: z.string(), status: z.literal("unlinked") });

const whyQuery = z.strictObject({ model: z.string().min(1).max(256).optional() });

/** Whether each of an owner's machines gets work, and if not, why and what to do. Sources: routing.md §3; console.md §9.1. */
export function machineRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { fleet, catalog, settings, decisions, clock } = dependencies;

  async function asked<Value>(answer: Promise<Value>): Promise<Value> {
    try {
      return await answer;
    } catch (cause) {
      const message = "machines cannot be read right now — please retry";
      throw new ApiError({ status: 503, code: "service_unavailable", message, retryAfter_s: RETRY_AFTER_s, cause });
    }
  }

  const machinesOf = (request: FastifyRequest): Promise<readonly KnownMachine[]> => asked(fleet.machinesOf(principalOf(request).accountId));

  /** The machine itself knows its key's thumbprint, and not what it is called in public. */
  function machineNamed(id: string, machines: readonly KnownMachine[]): KnownMachine {
    const machine = machines.find(({ publicId }) => publicId === id || publicId === fleet.publicId(id));
    if (machine === undefined) throw noSuchMachine();
    return machine;
  }

  return [
    {
      method: "GET",
      url: "/v1/me/providers",
      access: "owner",
      doc: { tag: "Machines", summary: "The account's machines, and whether they get work", answer: machineList },
      async handle(request) {
        const machines = await machinesOf(request);
        const verdictOf = createVerdicts(dependencies);
        return {
          object: "list",
          data: machines.map((machine) => shown(machine, verdictOf(machine))),
          min_provider_version: settings.minProviderVersion === "" ? null : settings.minProviderVersion,
          min_trust: settings.minTrust,
        };
      },
    },
    {
      method: "GET",
      url: "/v1/me/providers/:id/why",
      access: "owner",
      doc: {
        tag: "Machines",
        summary: "Why a machine gets work, or none",
        description: "An ordinary request of a stranger is put through every gate, and the first that refuses is named.",
        parameters: [{ name: "model", in: "query", description: "A model by any of its names; all that the machine offers if absent." }],
        answer: machineWhy,
        errors: [400, 404],
      },
      async handle(request) {
        const { model } = queryOf(request, whyQuery);
        const machine = machineNamed(idOf(request), await machinesOf(request));
        const verdict = createVerdicts(dependencies)(
          machine,
          model === undefined ? undefined : (catalog.resolve(model)?.build.id ?? model),
        );
        const since = new Date(clock.date().getTime() - LATELY_ms);
        const builds = machine.view === undefined ? [] : [...machine.view.builds.keys()];
        const work = await decisions.workOf({ provider: machine.publicId, builds, since });
        const lately = { ...work, last_at: work.last_at?.toISOString() ?? null, hours: LATELY_ms / 3_600_000 };
        return { id: machine.publicId, ...verdict, words: [...verdict.words, ...latelyInWords(verdict, work)], lately };
      },
    },
    {
      method: "GET",
      url: "/v1/me/providers/:id/sessions",
      access: "owner",
      doc: {
        tag: "Machines",
        summary: "When a machine was connected, and why that ended",
        parameters: [
          { name: "limit", in: "query", description: `Connections at most, the latest first: 1 to ${SESSIONS_max}, 50 if absent.` },
        ],
        answer: machineSessionList,
        errors: [400, 404],
      },
      async handle(request) {
        const { limit } = queryOf(request, sessionsQuery);
        const { machineId } = machineNamed(idOf(request), await machinesOf(request));
        const sessions = await asked(fleet.sessionsOf(machineId, limit));
        return {
          object: "list",
          data: sessions.map(({ openedAt, lastSeenAt, closedAt, reason, version }) => ({
            opened_at: openedAt.toISOString(),
            last_seen_at: lastSeenAt.toISOString(),
            closed_at: closedAt?.toISOString() ?? null,
            reason,
            version,
          })),
        };
      },
    },
    {
      method: "DELETE",
      url: "/v1/me/providers/:id",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Take a machine off the account",
        description:
          "What it has earned stays, and so does what is held against the machine. The token of one that is connected is revoked, and its connection ends; 409 if others are connected with the same token. Another token of the account brings it back.",
        answer: unlinkedMachine,
        errors: [404, 409],
      },
      async handle(request) {
        const id = idOf(request);
        const outcome = await asked(fleet.unlink(id, principalOf(request).accountId));
        if (outcome === "unlinked") return { id, status: "unlinked" };
        if (outcome === "unknown") throw noSuchMachine();
        throw new ApiError({ status: 409, code: "conflict", message: SHARED_TOKEN });
      },
    },
  ];
}

const SHARED_TOKEN = "other connected machines have the same provider token — stop this one's provider first, or revoke the token";

function noSuchMachine(): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: "this account has no machine of this id" });
}

function latelyInWords({ state }: MachineVerdict, { chosen, failed, asked }: Work): string[] {
  const work = `in the last 24 hours it was chosen ${chosen} times${failed === 0 ? "" : `, and failed ${failed} of them`}`;
  if (state === "gets_work" && chosen === 0 && asked === 0) return [work, "nobody has asked for a model that it offers in that time"];
  return [work];
}

type Work = Awaited<ReturnType<HttpDependencies["decisions"]["workOf"]>>;

function shown(machine: KnownMachine, verdict: MachineVerdict): z.infer<typeof machineObject> {
  const { publicId, version, registeredAt, lastSeenAt, view } = machine;
  return {
    id: publicId,
    status: statusOf(machine),
    version: view?.version ?? version,
    registered_at: registeredAt.toISOString(),
    last_seen_at: lastSeenAt.toISOString(),
    private_only: view?.privateOnly ?? null,
    trust_level: view?.trustLevel ?? null,
    compute_class: view?.computeClass ?? null,
    total_memory_gb: view?.totalMemory_gb ?? null,
    memory_pressure: view?.memoryPressure ?? null,
    cpu_usage: view?.cpuUsage ?? null,
    thermal: view?.thermal ?? null,
    pending_requests: view?.pendingTotal ?? null,
    lifetime: machine.counters,
    models: [...(view?.builds.keys() ?? [])].map((id) => {
      const slot = view?.slots?.get(id);
      return {
        id,
        state: slot?.state ?? null,
        running: slot?.running ?? 0,
        waiting: slot?.waiting ?? 0,
        places: slot?.maxConcurrency ?? 0,
      };
    }),
    routing: { ...verdict, words: [...verdict.words], builds: verdict.builds.map((build) => ({ ...build, words: [...build.words] })) },
  };
}

function statusOf({ view, untrustedReason }: KnownMachine): "online" | "draining" | "untrusted" | "offline" {
  if (untrustedReason !== null) return "untrusted";
  if (view === undefined) return "offline";
  if (!view.trusted) return "untrusted";
  return view.draining ? "draining" : "online";
}

function idOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "id" in params ? String(params.id) : "";
}
