import { API_ANSWERS } from "@umbel/coordinator/answers";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, type Output, table } from "../output.js";
import { adminCall, adminRows, type PublishingOptions } from "../publishing/admin-call.js";
import { wholeNumber } from "./models-publish.js";

const { aliasAnswer, aliasDeleted, aliasTable, modelTable, modelUpdated, versionChange } = API_ANSWERS;
type Alias = ReturnType<typeof aliasTable.parse>["data"][number];

const pathOf = (build: string, action: string): string => `/models/${encodeURIComponent(build)}/${action}`;

/** `umbel models promote`. */
export async function promoteModel(build: string, options: PublishingOptions & { readonly version?: string }): Promise<void> {
  const body = options.version === undefined ? {} : { version: options.version };
  sayChange(
    createOutput(options),
    await adminCall(options, { method: "POST", pathname: pathOf(build, "promote"), body, answer: versionChange }),
  );
}

export interface RetireOptions extends PublishingOptions {
  readonly undo?: boolean;
  readonly deprecate?: string;
  readonly revoke?: string;
  readonly reason?: string;
}

/** `umbel models retire`. */
export async function retireModel(build: string, options: RetireOptions): Promise<void> {
  const output = createOutput(options);
  const { undo = false, deprecate, revoke, reason } = options;
  if ([undo, deprecate !== undefined, revoke !== undefined].filter(Boolean).length > 1) {
    throw new CliError("--undo, --deprecate and --revoke exclude each other.", EXIT_CODES.usage, "Give one of them.");
  }
  const send = (action: string, body: unknown) =>
    adminCall(options, { method: "POST", pathname: pathOf(build, action), body, answer: modelUpdated });
  if (revoke !== undefined) {
    if (reason === undefined)
      throw new CliError("A revocation needs a reason.", EXIT_CODES.usage, "Give --reason; machines and people read it.");
    output.result(await send("revoke", { version: revoke, reason }));
    output.line(
      `${build} ${revoke} is revoked for good; machines are told to remove its files. \`umbel models rollback ${build}\` serves the version before.`,
    );
    return;
  }
  if (deprecate !== undefined) await send("deprecation", { deprecation_date: deprecate });
  const status = undo ? "active" : deprecate === undefined ? "retired" : "deprecated";
  output.result({ ...(await send("status", { status })), model_status: status });
  output.line(`${build} is ${status}.${status === "retired" ? " Take it back with --undo." : ""}`);
}

export interface AliasOptions extends PublishingOptions {
  readonly desired?: string;
  readonly previous?: string;
  readonly finish?: boolean;
  readonly share?: string;
  readonly wave?: string;
  readonly minMachines?: string;
  readonly displayName?: string;
  readonly takeover?: boolean;
  readonly remove?: boolean;
}

/** `umbel models alias`: what is not named stays as it is; a new desired build keeps the one before it to fall back to. */
export async function setModelAlias(alias: string, options: AliasOptions): Promise<void> {
  const output = createOutput(options);
  if (options.remove === true) {
    const pathname = `/models/aliases/${encodeURIComponent(alias)}`;
    output.result(await adminCall(options, { method: "DELETE", pathname, answer: aliasDeleted }));
    output.line(`${alias} stands for nothing any more.`);
    return;
  }
  const known = (await aliases(options)).find(({ id }) => id === alias);
  const asked = member(options.desired);
  const desired = asked.build ?? known?.desired.build;
  if (desired === undefined) {
    throw new CliError(`There is no name ${alias} yet.`, EXIT_CODES.usage, "Say with --desired for which build it is to stand.");
  }
  const isMove = known !== undefined && known.desired.build !== (asked.version === undefined ? desired : `${desired}-at-${asked.version}`);
  const before = isMove ? known.desired.build : known?.previous?.build;
  const previous = options.finish === true ? {} : options.previous === undefined ? { build: before } : member(options.previous);
  const everybody = isMove || known === undefined || options.finish === true;
  const body = {
    alias_id: alias,
    display_name: options.displayName ?? known?.display_name ?? alias,
    desired_build: desired,
    ...(asked.version === undefined ? {} : { desired_version: asked.version }),
    ...(previous.build === undefined ? {} : { previous_build: previous.build }),
    ...(previous.version === undefined ? {} : { previous_version: previous.version }),
    desired_share: wholeNumber(options.share) ?? (everybody ? 100 : known.desired_share),
    wave: wholeNumber(options.wave) ?? (everybody ? 100 : known.wave),
    min_desired_providers: wholeNumber(options.minMachines) ?? known?.min_desired_providers ?? 1,
    ...(options.takeover === true ? { takeover: true } : {}),
    ...(known === undefined ? {} : { expected_updated_at: known.updated_at }),
  };
  say(output, await adminCall(options, { method: "POST", pathname: "/models/aliases", body, answer: aliasAnswer }));
}

/** A build, or one version of it as `<build>@<version>`. */
function member(text: string | undefined): { readonly build?: string | undefined; readonly version?: string | undefined } {
  const at = text?.lastIndexOf("@") ?? -1;
  return at < 0 ? { build: text } : { build: text?.slice(0, at), version: text?.slice(at + 1) };
}

/** `umbel models rollback`: of a name to the build before, of a build to the version before. */
export async function rollbackModel(name: string, options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  if (!(await aliases(options)).some(({ id }) => id === name)) {
    sayChange(output, await adminCall(options, { method: "POST", pathname: pathOf(name, "rollback"), body: {}, answer: versionChange }));
    return;
  }
  const pathname = `/models/aliases/${encodeURIComponent(name)}/rollback`;
  say(output, await adminCall(options, { method: "POST", pathname, body: {}, answer: aliasAnswer }));
}

/** `umbel models rollouts`. */
export async function listRollouts(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const data = await aliases(options);
  output.result({ object: "list", data });
  output.line(
    data.length === 0 ? "No name stands for a build yet. Set one with `umbel models alias <name> --desired <build>`." : rollouts(data),
  );
}

/** `umbel models registry`. */
export async function listRegistry(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const data = await adminRows(options, { pathname: "/models", answer: modelTable });
  output.result({ object: "list", data });
  const rows = data.flatMap(({ id, status, versions }) =>
    versions.map((row) => [
      id,
      status,
      row.version,
      row.verification === "ready" ? row.state : row.verification,
      row.registered_at,
      row.registered_by,
      row.weight_hash.slice(0, 12),
    ]),
  );
  output.line(
    rows.length === 0
      ? "Nothing is registered yet. Begin with `umbel models publish`."
      : table(["BUILD", "STATUS", "VERSION", "STATE", "REGISTERED", "BY", "HASH"], rows),
  );
}

async function aliases(options: PublishingOptions): Promise<readonly Alias[]> {
  return adminRows(options, { pathname: "/models/aliases", answer: aliasTable });
}

function sayChange(output: Output, changed: ReturnType<typeof versionChange.parse>): void {
  output.result(changed);
  output.line(`${changed.model} serves version ${changed.version}.`);
  for (const [field, { from, to }] of Object.entries(changed.changes)) {
    output.line(`  ${field}: ${JSON.stringify(from)} is now ${JSON.stringify(to)}`);
  }
}

function say(output: Output, answer: ReturnType<typeof aliasAnswer.parse>): void {
  output.result(answer);
  output.line(rollouts([answer.alias]));
  for (const warning of answer.warnings) output.note(`Note: ${warning}.`);
}

function rollouts(data: readonly Alias[]): string {
  return table(
    ["NAME", "DESIRED", "MACHINES", "PREVIOUS", "MACHINES", "SHARE", "WAVE", "STATE"],
    data.map(({ id, desired, previous, desired_share, wave, converged }) => [
      id,
      desired.build,
      `${desired.routable}/${desired.machines}`,
      previous?.build ?? "",
      previous === null ? "" : `${previous.routable}/${previous.machines}`,
      `${desired_share} %`,
      `${wave} %`,
      converged ? "converged" : previous === null ? "" : "moving",
    ]),
  );
}
