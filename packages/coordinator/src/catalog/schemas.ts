import { isFileAddress, REASONING_PARSERS, sha256Hex, WIRE_LIMITS } from "@umbel/protocol";
import { z } from "zod";
import { BODY_SHIMS_FORM, readBodyShims } from "./body-shims.js";

/** Lengths of texts and lists in the catalogue. */
export const CATALOG_LIMITS = {
  /** GiB that a build may say it needs. */
  memory_gb: 1_048_576,
  name_chars: 256,
  description_chars: 4_096,
  aliasId_chars: 128,
  capabilities: 32,
  capability_chars: 64,
  /** A million dollars for a million tokens: beyond it a price is a slip of the unit. */
  price_microUsd: 1_000_000_000_000,
  address_chars: 2_048,
  reason_chars: 256,
  /** Of a build's runtime parameters, and of its metadata. */
  properties: 32,
  propertyName_chars: 64,
  propertyValue_chars: 256,
  /** Builds that an alias stood for before, and whose machines are still told what it stands for. Source: catalog.md §8.1. */
  retired: 16,
  minDesiredProviders: 100_000,
} as const;

const name = z.string().min(1).max(CATALOG_LIMITS.name_chars);
const count = z.int().nonnegative();

/** The ranges that requests may use, so that a default is never refused later. */
export const samplingDefaults = z.strictObject({
  temperature: z.number().min(0).max(2).exactOptional(),
  topP: z.number().min(0).max(1).exactOptional(),
  topK: count.exactOptional(),
  minP: z.number().min(0).max(1).exactOptional(),
});

/** Of a build in memory; without it, its size is reckoned with. */
export const buildMemory = z.strictObject({
  resident_bytes: z.int().positive(),
  minRam_gb: z.number().positive().max(CATALOG_LIMITS.memory_gb),
  minVram_gb: z.number().positive().max(CATALOG_LIMITS.memory_gb),
  active_bytes: z.int().positive().exactOptional(),
});

/** Read from the files by whoever publishes, never typed. */
const fileFacts = z.strictObject({
  parameters: count,
  /** Of them, those that a token goes through, where these are fewer. */
  activeParameters: count.exactOptional(),
  trainContext_tokens: z.int().positive().exactOptional(),
  chatTemplate_sha256: sha256Hex.exactOptional(),
  /** Path of the file that lets it see. */
  projector: z.string().min(1).max(CATALOG_LIMITS.name_chars).exactOptional(),
});
export type FileFacts = z.infer<typeof fileFacts>;

const property = z.union([z.string().max(CATALOG_LIMITS.propertyValue_chars), z.number(), z.boolean()]);
const propertyName = z
  .string()
  .regex(/^[a-z][a-z0-9_]*$/)
  .max(CATALOG_LIMITS.propertyName_chars);
const properties = z
  .record(propertyName, property)
  .refine((value) => Object.keys(value).length <= CATALOG_LIMITS.properties, { error: "too many" });
/** What goes with requests for a build. Names that machines do not know have no effect. */
export const runtimeParameters = properties
  .refine(({ reasoning_parser: parser }) => parser === undefined || REASONING_PARSERS.some((known) => known === parser), {
    error: `reasoning_parser must be one of ${REASONING_PARSERS.join(", ")}`,
    path: ["reasoning_parser"],
  })
  .refine(({ body_shims: written }) => readBodyShims(written) !== undefined, { error: BODY_SHIMS_FORM, path: ["body_shims"] });
/** What other lists are told of a build. Names that nobody knows are kept. */
export const metadata = properties;

/** What describes a build beside its manifest. The id's alphabet is the manifest's rule (catalog.md §3). */
export const buildFacts = z.object({
  id: name,
  displayName: name,
  family: name,
  architecture: name,
  quantization: name,
  description: z.string().max(CATALOG_LIMITS.description_chars),
  license: name,
  contextLength_tokens: z.int().positive(),
  maxOutput_tokens: z.int().positive(),
  capabilities: z.array(z.string().min(1).max(CATALOG_LIMITS.capability_chars)).max(CATALOG_LIMITS.capabilities),
  kvBytesPerToken: count,
  memory: buildMemory.nullable(),
  fileFacts: fileFacts.nullable().default(null),
  defaults: samplingDefaults,
  isolation: z.enum(["shared", "dedicated"]),
  runtimeParameters,
  metadata,
});

const price = z.bigint().positive().max(BigInt(CATALOG_LIMITS.price_microUsd));
export const prices = z.object({ input_microUsd: price, output_microUsd: price });

/** Absolute and https; http is for this machine. No credentials, nothing behind the path. */
const address = z
  .string()
  .max(CATALOG_LIMITS.address_chars)
  .refine(isFileAddress, { error: "must be an https address without credentials, query or fragment" });
export const fileSources = z.strictObject({
  origins: z.array(address).max(WIRE_LIMITS.manifestOrigins_max),
  fileUrls: z.record(z.string(), z.array(address).min(1).max(WIRE_LIMITS.manifestOrigins_max)),
});

export const buildStatus = z.enum(["beta", "active", "deprecated", "retired"]);
/** A stored version's facts: read back by what they were checked by. */
export const versionFacts = buildFacts.omit({ id: true });
export const reason = z.string().trim().min(1).max(CATALOG_LIMITS.reason_chars);
export const capabilities = buildFacts.shape.capabilities;

/** JSON has no bigint. */
const jsonPrice = z.int().positive().max(CATALOG_LIMITS.price_microUsd).transform(BigInt);

export const aliasFacts = z.strictObject({
  id: z
    .string()
    .max(CATALOG_LIMITS.aliasId_chars)
    .regex(/^(?!.*\.\.)(?!\.$)[0-9A-Za-z._-]+$/),
  displayName: name,
});

const percentage = z.int().min(0).max(100);
export const rollout = z.strictObject({
  desiredShare_percent: percentage,
  wave_percent: percentage,
  minDesiredProviders: count.max(CATALOG_LIMITS.minDesiredProviders),
});

/** `catalog.json`, beside a model's manifest. Strict, so that a misspelt field is an error and not a silent default. */
export const catalogFile = z.strictObject({
  ...buildFacts.shape,
  isolation: buildFacts.shape.isolation.default("shared"),
  memory: buildFacts.shape.memory.default(null),
  runtimeParameters: runtimeParameters.default({}),
  metadata: metadata.default({}),
  prices: z.strictObject({ input_microUsd: jsonPrice, output_microUsd: jsonPrice }),
  alias: aliasFacts,
});

/** Dotted path of the first field that a schema refused; an unknown field is named itself. */
export function fieldAtFault(error: z.ZodError): string {
  const [issue] = error.issues;
  if (!issue) return "";
  const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  return [...issue.path, ...unknown].join(".");
}
