import { ApiError } from "@umbel/dialects";
import { TELEMETRY_LIMITS, TELEMETRY_MESSAGES } from "@umbel/protocol";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { createBucketTable } from "../../inference/index.js";
import { machineOfToken, TELEMETRY_SOURCES, type TelemetryFilter, type TelemetrySender } from "../../insight/index.js";
import { truncatedAddress } from "../access-log.js";
import { authenticate, bearerOf } from "../bearer.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { BROWSE_LIMITS, invalid, sinceOf } from "../lists/browse-limits.js";
import { queryOf } from "../lists/query.js";
import { recordRoutes } from "../lists/record-routes.js";
import type { RouteParameter } from "../openapi/route-doc.js";
import type { Route } from "../route.js";
import { eventList, eventRow, eventsBody, groupList, groupOf, KINDS, rowOf, SEVERITIES, takenAnswer } from "./telemetry-schema.js";

/** Events of one machine, or of one account without a machine; and of one network that nobody of is known. Source: ops.md §2.1. */
const KNOWN_RATE = { perSecond: 100 / 60, burst: 200 };
const ANONYMOUS_RATE = { perSecond: 10 / 60, burst: 30 };
const GROUPS_default = 100;

const name = z.string().min(1).max(BROWSE_LIMITS.text_max);
const filter = z.strictObject({
  kind: z.enum(KINDS).optional(),
  severity: z.enum(SEVERITIES).optional(),
  source: z.enum(TELEMETRY_SOURCES).optional(),
  message: name.optional(),
  machine: name.optional(),
  version: name.optional(),
  fingerprint: name.optional(),
  since: name.optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});
const groupQuery = filter.extend({ limit: z.coerce.number().int().min(1).max(1_000).default(GROUPS_default) });

const FILTER_PARAMETERS: readonly RouteParameter[] = [
  { name: "kind", in: "query", description: KINDS.join(", ") },
  { name: "severity", in: "query", description: SEVERITIES.join(", ") },
  { name: "source", in: "query", description: TELEMETRY_SOURCES.join(", ") },
  { name: "message", in: "query", description: Object.keys(TELEMETRY_MESSAGES).join(", ") },
  { name: "machine", in: "query", description: "Of the token, as the list shows it." },
  { name: "version", in: "query", description: "Of the program." },
  { name: "fingerprint", in: "query", description: "Only events that are the same but for when and where." },
];

/** What machines and consoles tell of themselves, and what operators see of it. Sources: ops.md §2; provider.md §25. */
export function telemetryRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { telemetry, accounts, clock } = dependencies;
  const rates = createBucketTable(clock);

  /** Whoever shows nothing that is valid is nobody known, and no error: what tells of troubles must not fail for want of a key. */
  async function senderOf(request: FastifyRequest): Promise<TelemetrySender> {
    const { authorization } = request.headers;
    const anonymous = { type: "anonymous", network: truncatedAddress(request.ip) } as const;
    const token = bearerOf(authorization);
    if (token === undefined) return anonymous;
    const principal = await authenticate({ authorization }, accounts).catch(() => undefined);
    if (principal === undefined) return anonymous;
    const { accountId, method } = principal;
    return method === "provider_token" ? { type: "machine", machine: machineOfToken(token), accountId } : { type: "account", accountId };
  }

  function within(sender: TelemetrySender, events: number): void {
    const who = sender.type === "machine" ? sender.machine : sender.type === "account" ? sender.accountId : sender.network;
    const bucket = rates.of(`${sender.type} ${who}`, sender.type === "anonymous" ? ANONYMOUS_RATE : KNOWN_RATE);
    if (bucket?.holds(events) === false) {
      const retryAfter_s = Math.ceil(bucket.wait_ms(events) / 1_000);
      throw new ApiError({ status: 429, code: "rate_limit_exceeded", message: "too many events — send them later", retryAfter_s });
    }
    bucket?.take(events);
  }

  return [
    {
      method: "POST",
      url: "/v1/telemetry/events",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "Tell of what happened to a program",
        description: `Events name one of a closed list of messages, and have fields of a closed list; everything else is left out. At most ${TELEMETRY_LIMITS.events_max}, in ${TELEMETRY_LIMITS.body_bytes_max} bytes. A provider token says which machine it is; without a credential fewer are taken.`,
        request: eventsBody,
        status: 202,
        answer: takenAnswer,
        errors: [400, 413],
      },
      async handle(request, reply) {
        const { events } = await controlBody(request, eventsBody, dependencies, TELEMETRY_LIMITS.body_bytes_max);
        if (events.length > TELEMETRY_LIMITS.events_max) {
          const message = `at most ${TELEMETRY_LIMITS.events_max} events at a time`;
          throw new ApiError({ status: 413, code: "payload_too_large", message });
        }
        if (events.length === 0) return { accepted: 0, rejected: 0 };
        const sender = await senderOf(request);
        within(sender, events.length);
        void reply.status(202);
        return telemetry.take(events, sender);
      },
    },
    ...recordRoutes(
      {
        url: "/v1/admin/telemetry",
        summary: "What machines and consoles told of themselves, latest first",
        query: filter,
        parameters: FILTER_PARAMETERS,
        answer: eventList,
        columns: Object.keys(eventRow.shape),
        browse: (query, now, { after, limit }) =>
          telemetry.browse(filterOf(query, now), { ...(after === undefined ? {} : { before: idOf(after) }), limit }),
        placeOf: ({ id }) => String(id),
        rowOf,
      },
      clock,
    ),
    {
      method: "GET",
      url: "/v1/admin/telemetry/groups",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "The same by what they are about, the most frequent first",
        parameters: [
          ...FILTER_PARAMETERS,
          { name: "since", in: "query", description: "A duration such as 30m, 24h or 7d, or a time; 24h unless it says otherwise." },
          { name: "until", in: "query", description: "A time." },
          { name: "limit", in: "query", description: `Groups; ${GROUPS_default} if absent.` },
        ],
        answer: groupList,
        errors: [400],
      },
      async handle(request) {
        const { limit, ...query } = queryOf(request, groupQuery);
        const groups = await telemetry.groups(filterOf(query, clock.date()), limit);
        return { object: "list", data: groups.map(groupOf) };
      },
    },
  ];
}

/** @throws ApiError 400 */
function idOf(place: string): number {
  const id = z.coerce.number().int().min(1).safeParse(place);
  if (!id.success) throw invalid("after", "is no place in a list");
  return id.data;
}

function filterOf({ since, until, ...rest }: z.infer<typeof filter>, now: Date): TelemetryFilter {
  const named = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(named),
    since: sinceOf(since, now),
    ...(until === undefined ? {} : { until: new Date(until) }),
  };
}
