import { manifest, sha256Hex } from "@umbel/protocol";
import { z } from "zod";
import { CATALOG_LIMITS, VERSION_OF } from "../../../catalog/index.js";
import { nextId } from "../../lists/pages-by-id.js";

const count = z.int().nonnegative();
const price = z.int().positive().max(1_000_000_000_000).describe("Millionths of a dollar for a million tokens.");
const percentage = z.int().min(0).max(100);
const name = z.string().min(1).max(256);

const gibibytes = z.number().positive().max(1_048_576);
const buildMemory = z
  .strictObject({
    resident_bytes: z.int().positive(),
    min_ram_gb: gibibytes,
    min_vram_gb: gibibytes,
    active_bytes: z.int().positive().optional().describe("Weights that are read for each token; all of them where it does not say."),
  })
  .describe("What the build takes once loaded, without cache; and GiB of a machine, and of a graphics card, that could just hold it.");

const fileFacts = z
  .strictObject({
    parameter_count: count,
    active_parameter_count: count.optional().describe("Of them, those that a token goes through, where these are fewer."),
    train_context_length: z.int().positive().optional(),
    chat_template_sha256: sha256Hex.optional(),
    projector: name.optional().describe("Path of the file that lets it see."),
  })
  .describe("What its files say of themselves, as `umbel models publish` reads it.");

const propertyValue = z.union([z.string().max(CATALOG_LIMITS.propertyValue_chars), z.number(), z.boolean()]);
const properties = z.record(z.string(), propertyValue);
const runtimeParameters =
  "Go with requests for the build. `reasoning_parser` (`think` or `none`) says how machines tell thinking from the answer; `body_shims` what requests leave out for machines of older versions, as `vision<0.6.7=frequency_penalty+presence_penalty`.";
const metadata =
  "What other lists are told of it: `hugging_face_id`, `openrouter_slug`, `openrouter_is_ready`, `openrouter_staged`. Others are kept.";

export const registerBody = z.strictObject({
  manifest: manifest.describe("Of the files, as `umbel models publish` makes it."),
  display_name: name.optional().describe("The id unless it says otherwise."),
  family: name.optional(),
  architecture: name,
  quantization: name,
  description: z.string().max(4_096).default(""),
  license: name.default("unknown"),
  max_context_length: z.int().positive(),
  max_output_length: z.int().positive(),
  capabilities: z.array(z.string().min(1).max(64)).max(32).default(["chat"]),
  kv_bytes_per_token: count.default(0),
  memory: buildMemory.nullable().default(null),
  file_facts: fileFacts.nullable().default(null),
  defaults: z
    .strictObject({
      temperature: z.number().min(0).max(2).exactOptional(),
      topP: z.number().min(0).max(1).exactOptional(),
      topK: count.exactOptional(),
      minP: z.number().min(0).max(1).exactOptional(),
    })
    .default({}),
  isolation: z.enum(["shared", "dedicated"]).default("shared"),
  runtime_parameters: properties.default({}).describe(runtimeParameters),
  metadata: properties
    .refine((told) => !(VERSION_OF in told), { error: `${VERSION_OF} is the coordinator's own word` })
    .default({})
    .describe(metadata),
  input_price: price,
  output_price: price,
  origins: z.array(z.string()).max(8).default([]).describe("Addresses below which the files are, as `<origin>/<prefix>/<path>`."),
  file_urls: z.record(z.string(), z.array(z.string()).max(8)).default({}).describe("Complete addresses of files, by path."),
  promote: z.boolean().default(false).describe("Puts the version into service at once."),
  verify: z
    .enum(["quick", "full"])
    .default("quick")
    .describe("`full` reads every file afterwards; until that is done the version is `verifying` and cannot be promoted."),
});
export type RegisterBody = z.infer<typeof registerBody>;

const factChanges = z
  .record(z.string(), z.object({ from: z.unknown(), to: z.unknown() }))
  .describe("What consumers see or pay otherwise than before, against what is in service.");

export const versionChange = z.object({
  status: z.enum(["registered", "promoted"]),
  model: z.string(),
  version: z.string(),
  active: z.boolean(),
  verification: z.enum(["ready", "verifying"]),
  changes: factChanges,
});

export const promoteBody = z.strictObject({ version: name.optional().describe("The latest unless it says otherwise.") });
export const nothingBody = z.strictObject({});
export const statusBody = z.strictObject({ status: z.enum(["beta", "active", "deprecated", "retired"]) });
export const deprecationBody = z.strictObject({
  deprecation_date: z.iso.date().or(z.literal("")).default("").describe("Empty clears it."),
});
export const capabilitiesBody = z.strictObject({ capabilities: z.array(z.string().min(1).max(64)).max(32) });
export const runtimeParametersBody = z.strictObject({
  runtime_parameters: z
    .record(z.string(), propertyValue.nullable())
    .describe("Those named are set, or removed where they are null; others stay."),
});
export const slugBody = z.strictObject({
  slug: z.string().max(CATALOG_LIMITS.propertyValue_chars).default("").describe("Empty clears it."),
});
export const priceBody = z.strictObject({ input_price: price, output_price: price });
export const revokeBody = z.strictObject({ version: name, reason: z.string().trim().min(1).max(256) });
export const updated = z.object({
  status: z.enum(["updated", "deleted"]),
  model: z.string(),
  runtime_parameters: properties.optional(),
  metadata: properties.optional(),
});

export const versionRow = z.object({
  version: z.string(),
  state: z.enum(["draft", "active", "superseded", "revoked"]),
  weight_hash: z.string(),
  size_bytes: count,
  registered_by: z.string(),
  registered_at: z.iso.datetime(),
  input_price: count,
  output_price: count,
  revoked_reason: z.string().nullable(),
  verification: z.enum(["ready", "verifying", "failed"]),
  verification_problem: z.string().nullable().describe("Why it failed."),
});
export const modelRow = z.object({
  id: z.string(),
  display_name: z.string(),
  status: z.enum(["beta", "active", "deprecated", "retired"]),
  deprecation_date: z.string().nullable(),
  active_version: z.string().nullable(),
  versions: z.array(versionRow).describe("Latest first."),
});
export const modelTable = z.object({ object: z.literal("list"), data: z.array(modelRow), next: nextId });
export const versionTable = z.object({ object: z.literal("list"), data: z.array(versionRow) });

export const aliasBody = z.strictObject({
  alias_id: z.string().max(256),
  display_name: name.optional().describe("The name itself unless it says otherwise."),
  desired_build: name,
  desired_version: name
    .optional()
    .describe("The version of it, whatever the build itself serves: `<build>-at-<version>` is a build from then on."),
  previous_build: name.optional(),
  previous_version: name.optional().describe("The version of that."),
  desired_share: percentage
    .default(100)
    .describe("Percentage of requests that prefer the desired build while the previous one can serve, too."),
  wave: percentage.default(100).describe("Percentage of machines that are told to fetch the desired build."),
  min_desired_providers: count.max(100_000).default(1).describe("Machines that must be able to serve it before requests prefer it."),
  takeover: z.boolean().default(false).describe("Lets it have the name of a build, which must be one of the two. Once given it stays."),
  expected_updated_at: z.iso.datetime().optional().describe("Refuses the change with 409 if somebody has changed the name since."),
});
export type AliasBody = z.infer<typeof aliasBody>;

const member = z.object({
  build: z.string(),
  machines: count.describe("That offer it."),
  routable: count.describe("That would take a request now."),
  warm: count.describe("That have it in memory."),
});
export const aliasRow = z.object({
  id: z.string(),
  display_name: z.string(),
  desired: member,
  previous: member.nullable(),
  retired_builds: z.array(z.string()),
  desired_share: percentage,
  wave: percentage,
  min_desired_providers: count,
  converged: z.boolean().describe("No machine offers the previous build any more, and some machine offers the desired one."),
  updated_at: z.iso.datetime(),
});
export type AliasRow = z.infer<typeof aliasRow>;
export const aliasTable = z.object({ object: z.literal("list"), data: z.array(aliasRow), next: nextId });
export const aliasAnswer = z.object({
  status: z.literal("ok"),
  alias: aliasRow,
  warnings: z.array(z.string()).describe("What the operator may not have meant, e.g. that the two builds cost differently."),
});
export const aliasDeleted = z.object({ status: z.literal("deleted"), id: z.string() });

export const auditTable = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      id: z.int(),
      at: z.iso.datetime(),
      actor: z.string().describe("`admin-key`, an account, or `coordinator` for what it did by itself."),
      action: z.string(),
      target: z.string(),
      before: z.unknown(),
      after: z.unknown(),
      ip_hash: z.string().nullable().describe("Keyed hash of the address that it came from."),
    }),
  ),
  next: z.int().nullable().describe("For `before` of the next page."),
});
