import { createHash } from "node:crypto";
import {
  allowedFields,
  programVersion,
  stackFrames,
  TELEMETRY_LIMITS,
  TELEMETRY_MESSAGES,
  type TelemetryFields,
  type TelemetryMessage,
  telemetryMessage,
} from "@umbel/protocol";
import { z } from "zod";

export const TELEMETRY_SOURCES = ["provider", "app", "console"] as const;
type Source = (typeof TELEMETRY_SOURCES)[number];

/** Whoever sends events, as far as it was proven. `machine`: by a provider token; `account`: by a person or a key of theirs. */
export type TelemetrySender =
  | { readonly type: "machine"; readonly machine: string; readonly accountId: string }
  | { readonly type: "account"; readonly accountId: string }
  /** By the network that it comes from. */
  | { readonly type: "anonymous"; readonly network: string };

/** One event as it is kept. */
export interface TelemetryRecord {
  readonly eventId: string;
  readonly receivedAt: Date;
  readonly happenedAt: Date;
  readonly source: Source;
  readonly message: TelemetryMessage;
  readonly kind: string;
  readonly severity: string;
  readonly version: string | undefined;
  readonly sessionId: string | undefined;
  readonly machine: string | undefined;
  readonly accountId: string | undefined;
  readonly fields: TelemetryFields;
  readonly stack: string | undefined;
  readonly fingerprint: string;
}

/** Frames by which events are told apart. */
const TELLING_FRAMES = 3;

const given = z.object({
  id: z.uuid().optional().catch(undefined),
  timestamp: z.iso.datetime({ offset: true }).optional().catch(undefined),
  source: z.enum(TELEMETRY_SOURCES).catch("app"),
  message: telemetryMessage,
  version: programVersion.optional().catch(undefined),
  session_id: z.uuid().optional().catch(undefined),
  fields: z.unknown(),
  stack: z.string().optional().catch(undefined),
});

/**
 * What may be kept of what somebody has sent; undefined where it says nothing that events can say. Who it is comes from credentials alone.
 *
 * @param newId names an event whose sender has not
 */
export function readEvent(event: unknown, sender: TelemetrySender, now: Date, newId: () => string): TelemetryRecord | undefined {
  const parsed = given.safeParse(event);
  if (!parsed.success) return undefined;
  const { id, timestamp, message, version, session_id, stack = "" } = parsed.data;
  const fields = allowedFields(parsed.data.fields);
  const frames = stackFrames(stack);
  const { kind, severity } = TELEMETRY_MESSAGES[message];
  return {
    eventId: id ?? newId(),
    receivedAt: now,
    happenedAt: believable(timestamp, now),
    source: sourceOf(parsed.data.source, sender),
    ...{ message, kind, severity, version, fields },
    sessionId: session_id,
    machine: sender.type === "machine" ? sender.machine : undefined,
    accountId: sender.type === "anonymous" ? undefined : sender.accountId,
    stack: frames === "" ? undefined : frames,
    fingerprint: fingerprintOf(message, fields, frames),
  };
}

/** Only a machine's token makes somebody a machine. */
function sourceOf(claimed: Source, { type }: TelemetrySender): Source {
  if (type === "machine") return "provider";
  return claimed === "provider" ? "app" : claimed;
}

function believable(timestamp: string | undefined, now: Date): Date {
  const at = new Date(timestamp ?? Number.NaN);
  const age_ms = now.getTime() - at.getTime();
  return age_ms <= TELEMETRY_LIMITS.past_ms_max && age_ms >= -TELEMETRY_LIMITS.future_ms_max ? at : now;
}

function fingerprintOf(message: string, fields: TelemetryFields, frames: string): string {
  const { error_class, error, reason, signal, exit_code } = fields;
  const told = [message, error_class, error, reason, signal, exit_code, ...frames.split("\n").slice(0, TELLING_FRAMES)];
  return createHash("sha256").update(JSON.stringify(told)).digest("hex").slice(0, 16);
}
