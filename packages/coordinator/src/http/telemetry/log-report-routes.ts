import { ApiError } from "@umbel/dialects";
import { TELEMETRY_LIMITS } from "@umbel/protocol";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { createBucketTable } from "../../inference/index.js";
import { compressed, machineOfToken } from "../../insight/index.js";
import { bearerOf } from "../bearer.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { queryOf } from "../lists/query.js";
import { readBody } from "../read-body.js";
import type { Route } from "../route.js";
import { reportDeleted, reportList, reportOf, reportStored } from "./telemetry-schema.js";

/** Reports of one machine: five at once, then one in ten minutes. */
const RATE = { perSecond: 1 / 600, burst: 5 };
const LIST_default = 10;

const listQuery = z.strictObject({
  machine: z.string().min(1).max(128).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(LIST_default),
});

const LIST_PARAMETERS = [
  { name: "machine", in: "query", description: "Of the token that they came with, or the machine's pseudonym." },
  { name: "limit", in: "query", description: `Reports; ${LIST_default} if absent.` },
] as const;

/** Logs that owners of machines send, and who may read them. Sources: ops.md §2.2; provider.md §25. */
export function logReportRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { logReports, fleet, clock, settings } = dependencies;
  const rates = createBucketTable(clock);

  async function bodyOf(request: FastifyRequest): Promise<Uint8Array> {
    const limits = {
      bytes_max: TELEMETRY_LIMITS.report_bytes_max,
      idle_ms: settings.bodyIdleTimeout_ms,
      total_ms: settings.bodyTimeout_ms,
    };
    const body = await readBody(request.raw, limits, clock);
    if (body.length === 0) throw new ApiError({ status: 400, code: "bad_request", message: "the body has to be the report's lines" });
    return request.headers["content-encoding"] === "gzip" ? body : compressed(body);
  }

  /** Pseudonym of the machine that a token stands for: the one that is connected with it, else the account's only one. */
  async function providerOf(token: string, accountId: string): Promise<string | null> {
    const [connected, another] = fleet.connectedWith(token);
    if (connected !== undefined) return another === undefined ? connected : null;
    const [known, more] = await fleet.machinesOf(accountId).catch(() => []);
    return more === undefined ? (known?.publicId ?? null) : null;
  }

  return [
    {
      method: "POST",
      url: "/v1/provider/log-report",
      access: "machine",
      doc: {
        tag: "Machines",
        summary: "Send a machine's log, for somebody to look at",
        description: `Lines of text, as they are or with \`Content-Encoding: gzip\`; at most ${TELEMETRY_LIMITS.report_bytes_max} bytes either way. The machine is that of the token. Kept for a while, and as long as the owner does not delete it.`,
        status: 201,
        answer: reportStored,
        errors: [400, 413],
      },
      async handle(request, reply) {
        const { accountId } = principalOf(request);
        const token = bearerOf(request.headers.authorization) ?? "";
        const machine = machineOfToken(token);
        const bucket = rates.of(machine, RATE);
        if (bucket?.holds(1) === false) {
          const retryAfter_s = Math.ceil(bucket.wait_ms(1) / 1_000);
          throw new ApiError({
            status: 429,
            code: "rate_limit_exceeded",
            message: "too many log reports — wait before the next",
            retryAfter_s,
          });
        }
        bucket?.take(1);
        const content = await bodyOf(request);
        const kept = await logReports.keep(content, { accountId, machine, provider: await providerOf(token, accountId) });
        if (kept === undefined)
          throw new ApiError({ status: 400, code: "bad_request", message: "the body is no text, or not what its encoding says" });
        if (kept === "too_large") {
          const message = `the report's lines exceed the ${TELEMETRY_LIMITS.report_bytes_max}-byte limit`;
          throw new ApiError({ status: 413, code: "payload_too_large", message });
        }
        void reply.status(201);
        return { status: "stored", id: kept.id, machine, size_bytes: kept.bytes };
      },
    },
    {
      method: "GET",
      url: "/v1/me/log-reports",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Log reports of the account's machines",
        parameters: [...LIST_PARAMETERS],
        answer: reportList,
        errors: [400],
      },
      async handle(request) {
        const { machine, limit } = queryOf(request, listQuery);
        const { accountId } = principalOf(request);
        const reports = await logReports.list({ accountId, ...(machine === undefined ? {} : { machine }) }, limit);
        return { object: "list", data: reports.map(reportOf) };
      },
    },
    {
      method: "DELETE",
      url: "/v1/me/log-reports/:id",
      access: "session",
      doc: { tag: "Machines", summary: "Delete a log report", answer: reportDeleted, errors: [404] },
      async handle(request) {
        const id = idOf(request);
        if (await logReports.remove(id, principalOf(request).accountId)) return { id, status: "deleted" };
        throw noSuchReport();
      },
    },
    {
      method: "GET",
      url: "/v1/admin/log-reports",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Log reports that owners of machines sent, latest first",
        parameters: [...LIST_PARAMETERS],
        answer: reportList,
        errors: [400],
      },
      async handle(request) {
        const { machine, limit } = queryOf(request, listQuery);
        const reports = await logReports.list(machine === undefined ? {} : { machine }, limit);
        return { object: "list", data: reports.map(reportOf) };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/log-reports/:id",
      access: "admin",
      doc: { tag: "Operator", summary: "The lines of a log report", description: "`text/plain`.", answer: z.string(), errors: [404] },
      async handle(request, reply) {
        const lines = await logReports.read(idOf(request));
        if (lines === undefined) throw noSuchReport();
        // Whoever wrote it is a stranger: it is never a page.
        return reply.type("text/plain; charset=utf-8").header("X-Content-Type-Options", "nosniff").send(Buffer.from(lines));
      },
    },
  ];
}

function idOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "id" in params ? String(params.id) : "";
}

function noSuchReport(): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: "there is no log report of this id" });
}
