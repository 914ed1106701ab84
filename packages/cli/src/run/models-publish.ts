import { access, stat } from "node:fs/promises";
import path from "node:path";
import { loadBundledModel } from "@umbel/coordinator";
import { API_ANSWERS } from "@umbel/coordinator/answers";
import type { Manifest } from "@umbel/protocol";
import { catalogMemory, type GgufInspection, inspectGgufFile } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { parseUsd } from "../money.js";
import { createOutput, type Output } from "../output.js";
import { adminCall, type PublishingOptions } from "../publishing/admin-call.js";
import { type ModelFiles, manifestOf, modelFilesIn } from "../publishing/hash-files.js";
import { putFiles } from "../publishing/put-files.js";
import { putFilesToS3 } from "../publishing/put-files-s3.js";
import { openS3Bucket } from "../publishing/s3-bucket.js";
import { formatBytes } from "../quantities.js";

/** Below the home of a coordinator: files that it hands out itself. */
const BLOBS_DIRECTORY = "blobs";
/** Answers of a model of which nothing else is said: half of its context, up to this. */
const MAX_OUTPUT_tokens = 8_192;
/** How often the coordinator is asked whether it has read all files. */
const VERIFIED_POLL_ms = 1_000;

/** What somebody says of a build; what is left open its file says. */
export interface BuildChoices {
  readonly id?: string;
  readonly version?: string;
  readonly displayName?: string;
  readonly family?: string;
  readonly license?: string;
  readonly description?: string;
  readonly capabilities?: string;
  readonly maxOutput?: string;
  readonly inputPrice?: string;
  readonly outputPrice?: string;
}

export interface RegisterChoices extends PublishingOptions {
  readonly promote?: boolean;
  readonly verify?: boolean;
}

export interface PublishOptions extends BuildChoices, RegisterChoices {
  readonly to?: string;
  readonly s3Endpoint?: string;
  readonly origin?: readonly string[];
}

/** `umbel models publish`. */
export async function publishModel(target: string, options: PublishOptions): Promise<void> {
  const output = createOutput(options);
  const { files, manifest, facts } = await describe(path.resolve(target), options, (text) => output.note(text));
  const origins = options.origin ?? [];
  if (origins.length === 0 || options.to !== undefined) {
    await placeFiles(manifest, files.directory, options, (text) => output.note(text));
  }
  const remedy =
    "If machines cannot reach the files: run this on the coordinator's machine, or put them on a web server and give its --origin.";
  await registerVersion({ manifest, body: { ...facts, origins }, remedy }, options, output);
}

/** Registers a version whose files are where machines find them, and says what that changes. */
export async function registerVersion(
  { manifest, body, remedy }: { readonly manifest: Manifest; readonly body: Readonly<Record<string, unknown>>; readonly remedy: string },
  options: RegisterChoices,
  output: Output,
): Promise<void> {
  const verify = options.verify === true;
  const registered = await adminCall(options, {
    method: "POST",
    pathname: "/models/register",
    body: { manifest, ...body, promote: options.promote === true && !verify, ...(verify && { verify: "full" }) },
    answer: API_ANSWERS.versionChange,
    remedy,
  });
  if (registered.verification === "verifying") await untilVerified(manifest, options, output);
  const changed = verify && options.promote === true ? await promote(manifest, options) : registered;
  output.result({ ...changed, prefix: manifest.prefix, weight_hash: manifest.aggregate_sha256 });
  output.line(`${changed.model} ${changed.version}: ${formatBytes(manifest.total_size_bytes)}, ${manifest.aggregate_sha256}`);
  for (const [field, { from, to }] of Object.entries(changed.changes)) {
    output.line(`  ${field}: ${JSON.stringify(from)} ${options.promote === true ? "is now" : "would become"} ${JSON.stringify(to)}`);
  }
  const isWhole = changed.active && (options.promote === true || Object.keys(changed.changes).length === 0);
  output.line(
    isWhole
      ? "It is in service. Let a name stand for it with `umbel models alias <name> --desired`."
      : `${changed.active ? "What is new of it" : "It"} is a draft. Put it into service with \`umbel models promote ${changed.model}\`.`,
  );
}

/** The coordinator reads every file, which takes as long as its network and its disk need. @throws CliError when a file is not what it should be */
async function untilVerified({ model_id, version }: Manifest, options: PublishingOptions, output: Output): Promise<void> {
  output.note("The coordinator reads every file; this may be left to it.");
  const call = { method: "GET", pathname: `/models/${encodeURIComponent(model_id)}/versions`, answer: API_ANSWERS.versionTable } as const;
  for (;;) {
    const row = (await adminCall(options, call)).data.find((candidate) => candidate.version === version);
    if (row?.verification === "ready") return;
    if (row?.verification !== "verifying") {
      const remedy = "Put the file right and publish the version once more.";
      throw new CliError(
        `${model_id} ${version} is not what its manifest says: ${row?.verification_problem ?? "it is gone"}.`,
        EXIT_CODES.verification,
        remedy,
      );
    }
    await wait(VERIFIED_POLL_ms);
  }
}

function promote({ model_id, version }: Manifest, options: PublishingOptions) {
  const pathname = `/models/${encodeURIComponent(model_id)}/promote`;
  return adminCall(options, { method: "POST", pathname, body: { version }, answer: API_ANSWERS.versionChange });
}

function wait(delay_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay_ms));
}

/** Where machines, or the coordinator of this machine, find the files. */
async function placeFiles(manifest: Manifest, from: string, options: PublishOptions, note: (text: string) => void): Promise<void> {
  if (options.to?.startsWith("s3://") === true) {
    if (options.origin === undefined) {
      const remedy = "Give --origin with the address at which the bucket's folder is public.";
      throw new CliError("Machines would not find what is in the bucket.", EXIT_CODES.usage, remedy);
    }
    const bucket = openS3Bucket({ place: options.to, endpoint: options.s3Endpoint, env: process.env, fetch, wait });
    const sent = await putFilesToS3(manifest, from, bucket, (file) => note(`Sent ${file}.`));
    note(`${sent} of ${manifest.file_count} files sent to ${options.to}.`);
    return;
  }
  const to = path.resolve(options.to ?? path.join(resolveHome(options.home), BLOBS_DIRECTORY));
  const copied = await putFiles(manifest, from, to);
  note(`${copied} of ${manifest.file_count} files copied to ${path.join(to, manifest.prefix)}.`);
}

type Described = { readonly files: ModelFiles; readonly manifest: Manifest; readonly facts: Record<string, unknown> };

async function describe(target: string, options: PublishOptions, note: (text: string) => void): Promise<Described> {
  const isDirectory = (await stat(target)).isDirectory();
  if (isDirectory && (await exists(path.join(target, "catalog.json")))) return describedByItself(target, options);
  const files = isDirectory ? await modelFilesIn(target) : await filesBeside(target);
  const weights = weightsIn(files, target);
  const found = await inspectGgufFile(path.join(files.directory, ...weights.split("/")));
  const id =
    options.id ??
    path
      .basename(weights, ".gguf")
      .replace(/-\d{5}-of-\d{5}$/, "")
      .toLowerCase();
  const facts = factsOf(found, id, options);
  note(`Hashing ${files.paths.length === 1 ? "one file" : `${files.paths.length} files`}.`);
  const manifest = await manifestOf(files, { id, version: options.version ?? "1.0.0", createdAt: new Date() });
  return { files, manifest, facts };
}

/** What is registered of a build beside its manifest. @throws CliError without prices */
export function factsOf(found: GgufInspection, id: string, options: BuildChoices): Record<string, unknown> {
  const context = found.contextLength_tokens ?? MAX_OUTPUT_tokens;
  return {
    display_name: options.displayName ?? found.name ?? id,
    family: options.family ?? found.architecture ?? id,
    architecture: found.architecture ?? "unknown",
    quantization: found.quantization ?? "unknown",
    ...(options.description === undefined ? {} : { description: options.description }),
    license: options.license ?? found.license ?? "unknown",
    max_context_length: context,
    max_output_length: wholeNumber(options.maxOutput) ?? Math.min(MAX_OUTPUT_tokens, Math.max(1, Math.floor(context / 2))),
    capabilities: options.capabilities?.split(",").map((part) => part.trim()) ?? [
      ...found.capabilities,
      ...(found.projectors.length > 0 ? ["vision"] : []),
    ],
    kv_bytes_per_token: Math.round(found.kvCache?.perToken_bytes ?? 0),
    memory: catalogMemory(found),
    file_facts: fileFactsOf(found),
    ...prices(options),
  };
}

/** In the fields of the catalogue's API; null of files that name no weights. */
function fileFactsOf({ parameters, active, contextLength_tokens, chatTemplate_sha256, projectors: [projector] }: GgufInspection) {
  if (parameters === 0) return null;
  return {
    parameter_count: parameters,
    ...(active.parameters < parameters && { active_parameter_count: active.parameters }),
    ...(contextLength_tokens !== undefined && { train_context_length: contextLength_tokens }),
    ...(chatTemplate_sha256 !== undefined && { chat_template_sha256: chatTemplate_sha256 }),
    ...(projector !== undefined && { projector }),
  };
}

/** @throws CliError where none of the files is a model's */
function weightsIn({ paths }: ModelFiles, target: string): string {
  const weights = paths.find((file) => file.endsWith(".gguf") && !path.basename(file).startsWith("mmproj"));
  if (weights !== undefined) return weights;
  const remedy = "Name a GGUF file, or a folder with one and what belongs to it.";
  throw new CliError(`There is no GGUF file in ${target}.`, EXIT_CODES.usage, remedy);
}

/** A folder with `manifest.json` and `catalog.json`, such as those of the bundled models. */
async function describedByItself(directory: string, options: PublishOptions): Promise<Described> {
  const { build } = await loadBundledModel(directory);
  const files = { directory, paths: build.manifest.files.map((file) => file.path) };
  const { version = build.manifest.version, id = build.id } = options;
  // Hashed anew: what is published is what is there.
  const manifest = await manifestOf(files, { id, version, createdAt: new Date(build.manifest.created_at) });
  const facts = {
    display_name: options.displayName ?? build.displayName,
    family: options.family ?? build.family,
    architecture: build.architecture,
    quantization: build.quantization,
    description: options.description ?? build.description,
    license: options.license ?? build.license,
    max_context_length: build.contextLength_tokens,
    max_output_length: wholeNumber(options.maxOutput) ?? build.maxOutput_tokens,
    capabilities: options.capabilities?.split(",").map((part) => part.trim()) ?? build.capabilities,
    kv_bytes_per_token: build.kvBytesPerToken,
    memory: build.memory && {
      resident_bytes: build.memory.resident_bytes,
      min_ram_gb: build.memory.minRam_gb,
      min_vram_gb: build.memory.minVram_gb,
      ...(build.memory.active_bytes !== undefined && { active_bytes: build.memory.active_bytes }),
    },
    file_facts: fileFactsOf(await inspectGgufFile(path.join(directory, weightsIn(files, directory)))),
    defaults: build.defaults,
    isolation: build.isolation,
    input_price: Number(options.inputPrice === undefined ? build.prices.input_microUsd : parseUsd(options.inputPrice)),
    output_price: Number(options.outputPrice === undefined ? build.prices.output_microUsd : parseUsd(options.outputPrice)),
  };
  return { files, manifest, facts };
}

async function filesBeside(file: string): Promise<ModelFiles> {
  const { files, projectors } = await inspectGgufFile(file);
  return { directory: path.dirname(file), paths: [...files, ...projectors] };
}

function prices({ inputPrice, outputPrice }: BuildChoices): Record<string, number> {
  if (inputPrice === undefined || outputPrice === undefined) {
    throw new CliError(
      "A build needs its prices.",
      EXIT_CODES.usage,
      "Give --input-price and --output-price in USD for a million tokens, e.g. 0.05 and 0.20.",
    );
  }
  return { input_price: Number(parseUsd(inputPrice)), output_price: Number(parseUsd(outputPrice)) };
}

export function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CliError(`"${text}" is not a whole number.`, EXIT_CODES.usage, "Write it in digits, e.g. 8192.");
}

async function exists(location: string): Promise<boolean> {
  try {
    await access(location);
    return true;
  } catch {
    // Whatever cannot be reached is not there.
    return false;
  }
}
