import { z } from "zod";
import { redactText } from "../redact.js";

const figure = z.number();
const flag = z.boolean();
/** A word of a program's own: a reason, a class, a signal. No sentence passes. */
const word = z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/);
/** What something is called: a build, a machine, a version. */
const name = z.string().regex(/^[\w.:@+-][\w.:/@+-]{0,127}$/);
/** What hardware calls itself, with spaces. */
const label = z.string().regex(/^[\w.()@/+ -]{1,128}$/);
/** A place of an API, by its pattern. */
const route = z.string().regex(/^\/[\w./:{}-]{0,127}$/);
/** Scheme and host of an address, and nothing behind them. */
const origin = z.string().regex(/^(?:https?|wss?):\/\/[\w.:[\]-]{1,128}$/);

/**
 * Every field that an event may have, and its form. Whatever is not here, or has another form, is left out before it is kept anywhere, and left
 * out again where it arrives. No form takes a sentence, so that nothing that was asked or answered can pass. Source: ops.md §2.1.
 */
const FIELDS = {
  component: word,
  operation: word,
  duration_ms: figure,
  attempt: figure,
  endpoint: route,
  route,
  status_code: figure,
  error_class: word,
  error: word,
  last_error: word,
  target: name,
  model: name,
  backend: name,
  platform: name,
  exit_code: figure,
  signal: word,
  hardware_chip: label,
  gpu_name: label,
  memory_gb: figure,
  os_version: name,
  engine_version: name,
  handler: word,
  provider_id: name,
  trust_level: word,
  queue_depth: figure,
  reason: word,
  runtime_component: word,
  reconnect_count: figure,
  ws_state: word,
  network_reachable: flag,
  coordinator_url: origin,
  billing_method: word,
  payment_failed: flag,
  detect_source: word,
  report: word,
  pressure: word,
  peak_memory_bytes: figure,
  available_bytes: figure,
  accelerator_active_bytes: figure,
  memory_pressure: figure,
  in_flight: figure,
} as const satisfies Record<string, z.ZodType<string | number | boolean>>;

type Form = (typeof FIELDS)[keyof typeof FIELDS];
const FORMS: ReadonlyMap<string, Form> = new Map(Object.entries(FIELDS));
export type TelemetryFields = { readonly [Name in keyof typeof FIELDS]?: z.output<(typeof FIELDS)[Name]> | undefined };

/** Of what somebody gives as fields, what may be told. */
export function allowedFields(given: unknown): TelemetryFields {
  if (typeof given !== "object" || given === null) return {};
  return Object.fromEntries(Object.entries(given).filter(([key, value]) => isAllowed(FORMS.get(key), value)));
}

function isAllowed(form: Form | undefined, value: unknown): boolean {
  if (form?.safeParse(value).success !== true) return false;
  // A key looks like a name.
  return typeof value !== "string" || redactText(value) === value;
}
