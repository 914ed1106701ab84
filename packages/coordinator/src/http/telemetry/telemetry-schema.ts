import { TELEMETRY_MESSAGES } from "@umbel/protocol";
import { z } from "zod";
import { type LogReport, type StoredTelemetry, TELEMETRY_SOURCES, type TelemetryGroup } from "../../insight/index.js";

const text = z.string().nullable();

/** Each event is judged by itself: one that says nothing of the closed list is counted and left out. */
export const eventsBody = z.strictObject({ events: z.array(z.unknown()) });

export const takenAnswer = z.object({ accepted: z.int(), rejected: z.int().describe("Events that say nothing that events can say.") });

export const KINDS = [...new Set(Object.values(TELEMETRY_MESSAGES).map(({ kind }) => kind))];
export const SEVERITIES = ["debug", "info", "warn", "error", "fatal"] as const;

export const eventRow = z.object({
  id: z.int(),
  event_id: z.string(),
  received_at: z.iso.datetime(),
  happened_at: z.iso.datetime().describe("As its sender says; when it came, where that cannot be."),
  source: z.enum(TELEMETRY_SOURCES),
  kind: z.string(),
  severity: z.string(),
  message: z.string().describe("One of a closed list."),
  machine: text.describe("Of the token that it came with; null is nobody known."),
  account_id: text,
  version: text,
  session_id: text,
  fingerprint: z.string(),
  fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  stack: text,
});

export const eventList = z.object({
  object: z.literal("list"),
  data: z.array(eventRow),
  next: text.describe("Give it as `after` for the rows that follow; null when there are none."),
});

export function rowOf(kept: StoredTelemetry): z.infer<typeof eventRow> {
  return {
    id: kept.id,
    event_id: kept.eventId,
    received_at: kept.receivedAt.toISOString(),
    happened_at: kept.happenedAt.toISOString(),
    source: z.enum(TELEMETRY_SOURCES).parse(kept.source),
    kind: kept.kind,
    severity: kept.severity,
    message: kept.message,
    machine: kept.machine,
    account_id: kept.accountId,
    version: kept.version,
    session_id: kept.sessionId,
    fingerprint: kept.fingerprint,
    fields: eventRow.shape.fields.parse(kept.fields),
    stack: kept.stack,
  };
}

export const groupList = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      fingerprint: z.string(),
      kind: z.string(),
      severity: z.string(),
      message: z.string(),
      words: z.string(),
      events: z.int(),
      machines: z.int(),
      versions: z.array(z.string()).describe("Some of those that have it."),
      first_at: z.iso.datetime(),
      last_at: z.iso.datetime(),
    }),
  ),
});

export function groupOf(group: TelemetryGroup): z.infer<typeof groupList>["data"][number] {
  const { firstAt, lastAt, versions, ...rest } = group;
  const known = Object.entries(TELEMETRY_MESSAGES).find(([message]) => message === group.message);
  return {
    ...rest,
    words: known?.[1].words ?? group.message,
    versions: [...versions],
    first_at: firstAt.toISOString(),
    last_at: lastAt.toISOString(),
  };
}

const reportObject = z.object({
  id: z.string(),
  machine: z.string().describe("Of the token that it came with."),
  provider: text.describe("Pseudonym of the machine, as in `X-Provider-Id`; null where the token does not tell which it is."),
  account_id: z.string(),
  size_bytes: z.int().describe("Of its lines."),
  created_at: z.iso.datetime(),
});

export const reportStored = z.object({ status: z.literal("stored"), id: z.string(), machine: z.string(), size_bytes: z.int() });
export const reportList = z.object({ object: z.literal("list"), data: z.array(reportObject) });
export const reportDeleted = z.object({ id: z.string(), status: z.literal("deleted") });

export function reportOf({ id, machine, provider, accountId, bytes, createdAt }: LogReport): z.infer<typeof reportObject> {
  return { id, machine, provider, account_id: accountId, size_bytes: bytes, created_at: createdAt.toISOString() };
}
