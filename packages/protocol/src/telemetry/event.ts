import { z } from "zod";
import { allowedFields } from "./fields.js";

type Kind =
  | "panic"
  | "http_error"
  | "protocol_error"
  | "backend_crash"
  | "attestation_failure"
  | "inference_error"
  | "connectivity"
  | "oom"
  | "log";
type Severity = "debug" | "info" | "warn" | "error" | "fatal";

/**
 * All that an event can say. It names one of these and never brings words of its own, so that no text of a library, of a person or of a model
 * can be in it. Source: ops.md §2.1.
 */
export const TELEMETRY_MESSAGES = {
  provider_started: { kind: "log", severity: "info", words: "the provider has started" },
  provider_stopped: { kind: "log", severity: "info", words: "the provider was stopped" },
  unclean_exit: { kind: "panic", severity: "error", words: "the provider before this one ended without being stopped" },
  uncaught_error: { kind: "panic", severity: "fatal", words: "the provider ended by an error that nothing caught" },
  worker_ended: { kind: "backend_crash", severity: "error", words: "the worker ended and another was started" },
  model_not_loaded: { kind: "inference_error", severity: "error", words: "a model could not be loaded" },
  reconnecting: { kind: "connectivity", severity: "warn", words: "the connection is lost again and again" },
  registration_refused: { kind: "connectivity", severity: "error", words: "the coordinator does not take this machine" },
  not_trusted: { kind: "attestation_failure", severity: "warn", words: "the coordinator does not trust this machine" },
  memory_critical: { kind: "oom", severity: "error", words: "the machine is running out of memory" },
  memory_ran_out: { kind: "oom", severity: "error", words: "the provider before this one ended while memory was running out" },
  killed_for_memory: { kind: "oom", severity: "fatal", words: "the system ended a process of the provider for want of memory" },
  log_report_sent: { kind: "log", severity: "info", words: "a log report was sent" },
} as const satisfies Record<string, { readonly kind: Kind; readonly severity: Severity; readonly words: string }>;

export type TelemetryMessage = keyof typeof TELEMETRY_MESSAGES;
export const telemetryMessage = z.enum(Object.keys(TELEMETRY_MESSAGES) as [TelemetryMessage, ...TelemetryMessage[]]);

/** Of the program that tells: figures, and a short name of what comes before a release. No other word passes. */
export const programVersion = z.string().regex(/^\d{1,6}(?:\.\d{1,6}){2}(?:[-+][\w.]{1,16})?$/);

/** One event as it is sent, and as it waits on a disk meanwhile. Kind and severity follow from the message. */
export const telemetryEvent = z.object({
  id: z.uuid(),
  timestamp: z.iso.datetime(),
  source: z.enum(["provider", "app", "console"]),
  message: telemetryMessage,
  version: programVersion,
  /** Of one process. */
  session_id: z.uuid(),
  fields: z.unknown().transform(allowedFields),
  /** Where it happened, a frame a line: names in the program and places in its files. */
  stack: z.string().optional(),
});
export type TelemetryEvent = z.infer<typeof telemetryEvent>;
