import { API_ANSWERS } from "@umbel/coordinator/answers";
import { readFromCoordinator, saveFromCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

const { logReportList, telemetryEvents, telemetryGroups } = API_ANSWERS;
const REMEDY = "Check --since, --limit and what the list is narrowed to.";
const NOTHING =
  "No machine told of anything in that time. They tell only where their owners have switched it on; --since looks further back.";

interface TelemetryOptions extends PublishingOptions {
  readonly each?: boolean;
  readonly kind?: string;
  readonly machine?: string;
  readonly fingerprint?: string;
  readonly since: string;
  readonly limit: string;
}

/** `umbel admin telemetry`. */
export async function showTelemetry(options: TelemetryOptions): Promise<void> {
  const output = createOutput(options);
  const { kind, machine, fingerprint, since, limit } = options;
  const query = queryOf({ kind, machine, fingerprint, since, limit });
  const operator = await asOperator(options);
  if (options.each === true) {
    const list = await adminCall(operator, { method: "GET", pathname: `/telemetry?${query}`, answer: telemetryEvents, remedy: REMEDY });
    output.result(list);
    const rows = list.data.map((event) => [
      ...[event.received_at, event.severity, event.message, event.machine ?? "", event.version ?? "", inWords(event.fields)],
    ]);
    output.line(rows.length === 0 ? NOTHING : table(["TIME", "SEVERITY", "MESSAGE", "MACHINE", "VERSION", "FIELDS"], rows));
    return;
  }
  const list = await adminCall(operator, {
    method: "GET",
    pathname: `/telemetry/groups?${query}`,
    answer: telemetryGroups,
    remedy: REMEDY,
  });
  output.result(list);
  const rows = list.data.map(({ events, machines, severity, message, versions, last_at, fingerprint: sameness }) => [
    ...[String(events), String(machines), severity, message, versions.join(" "), last_at, sameness],
  ]);
  output.line(rows.length === 0 ? NOTHING : table(["EVENTS", "MACHINES", "SEVERITY", "MESSAGE", "VERSIONS", "LAST", "FINGERPRINT"], rows));
}

/** `umbel admin log-reports list`. */
export async function listLogReports(options: PublishingOptions & { readonly machine?: string; readonly limit: string }): Promise<void> {
  const output = createOutput(options);
  const query = queryOf({ machine: options.machine, limit: options.limit });
  const list = await adminCall(await asOperator(options), {
    method: "GET",
    pathname: `/log-reports?${query}`,
    answer: logReportList,
    remedy: REMEDY,
  });
  output.result(list);
  const rows = list.data.map(({ id, created_at, machine, provider, account_id, size_bytes }) => [
    ...[id, created_at, machine, provider ?? "", account_id, String(size_bytes)],
  ]);
  output.line(
    rows.length === 0
      ? "There are no log reports. Owners of machines send them with: umbel provider report"
      : table(["ID", "TIME", "MACHINE", "PROVIDER", "ACCOUNT", "BYTES"], rows),
  );
}

/** `umbel admin log-reports show`. */
export async function showLogReport(id: string, options: PublishingOptions & { readonly output?: string }): Promise<void> {
  const output = createOutput(options);
  const { adminKey: token, baseUrl } = await asOperator(options);
  if (token === undefined) {
    throw new CliError("There is no operator's key to ask with.", EXIT_CODES.authentication, "Give --admin-key or UMBEL_ADMIN_KEY.");
  }
  const base = baseUrl.replace(/\/v1\/*$/, "");
  const place = {
    path: `/v1/admin/log-reports/${encodeURIComponent(id)}`,
    ...{ token, remedy: "See them with: umbel admin log-reports list", credential: "Check --admin-key." },
  };
  if (options.output === undefined) {
    const lines = await readFromCoordinator(base, place);
    output.result({ id, lines: lines.split("\n").filter((line) => line !== "") });
    output.line(harmless(lines));
    return;
  }
  const size_bytes = await saveFromCoordinator(base, place, options.output);
  output.result({ id, file: options.output, size_bytes });
  output.line(`Saved to ${options.output} (${size_bytes} bytes).`);
}

/** A stranger has written it: nothing in it may tell a terminal what to do. */
function harmless(lines: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return lines.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}

function queryOf(named: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(named)) if (value !== undefined) query.set(name, value);
  return query;
}

function inWords(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(" ");
}
