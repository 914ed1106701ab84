import { API_ANSWERS } from "@umbel/coordinator/answers";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

export interface FloorOptions extends PublishingOptions {
  readonly clear?: boolean;
  readonly dryRun?: boolean;
}

const PATH = "/providers/floor";
const ANY = "any";

/** `umbel admin provider-floor`: shows or sets the oldest provider version that gets requests. */
export async function providerFloor(version: string | undefined, options: FloorOptions): Promise<void> {
  const output = createOutput(options);
  const { clear = false, dryRun = false } = options;
  if (clear && (version !== undefined || dryRun)) {
    throw new CliError("--clear stands by itself.", EXIT_CODES.usage, "Give a version, or --clear, or neither to see how things stand.");
  }
  const asked = version === ANY ? "" : version;
  const isChange = clear || (asked !== undefined && !dryRun);
  const query = asked === undefined ? "" : `?min_version=${encodeURIComponent(asked)}`;
  const call = { answer: API_ANSWERS.versionFloor, remedy: "A version is like 1.4.0; see umbel admin provider-floor --help." };
  const found = await adminCall(
    await asOperator(options),
    isChange
      ? { ...call, method: "PUT", pathname: PATH, body: { min_version: clear ? null : asked } }
      : { ...call, method: "GET", pathname: `${PATH}${query}` },
  );
  output.result(found);
  const who = found.from === "operator" ? `set by ${found.set_by} at ${found.set_at}` : "by UMBEL_MIN_PROVIDER_VERSION";
  output.line(`Oldest provider version that gets requests: ${found.min_version || ANY} (${who}).`);
  const would = dryRun && asked !== undefined ? `${asked || ANY} would leave out` : "It leaves out";
  output.line(`${would} ${found.excluded} of ${found.connected} connected machines.`);
  const rows = Object.entries(found.versions);
  if (rows.length > 0)
    output.line(
      table(
        ["VERSION", "MACHINES"],
        rows.map(([name, machines]) => [name, String(machines)]),
      ),
    );
  output.line(`Programs that are none of the releases: ${found.unknown_programs} (UMBEL_RUNTIME_CHECK is ${found.runtime_check}).`);
}
