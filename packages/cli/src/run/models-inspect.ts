import path from "node:path";
import { GgufError, type GgufInspection, inspectGgufFile, machineMemory_gib, memoryFor } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { formatBytes, formatCount } from "../quantities.js";

/** Contexts for which the need of memory is named, besides the whole one. */
const CONTEXTS_tokens = [4096, 32_768] as const;

/** `umbel models inspect`. */
export async function inspectModel(file: string, options: { readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const found = await inspect(path.resolve(file));
  const memory = contextsOf(found).map((context_tokens) => ({ context_tokens, bytes: memoryFor(found, context_tokens) }));
  output.result(report(found, memory));
  const rows: [string, string | undefined][] = [
    ["Name", found.name],
    ["Kind", found.kind],
    ["Architecture", found.architecture],
    ["Parameters", formatCount(found.parameters)],
    ["Read for a token", readOf(found)],
    ["Experts", found.experts && `${found.experts.used} of ${found.experts.all} at work for a token`],
    ["Quantisation", found.quantization],
    ["Files", `${found.files.length === 1 ? "one" : found.files.length}, ${formatBytes(found.size_bytes)}`],
    ["Context", found.contextLength_tokens === undefined ? undefined : `${found.contextLength_tokens} tokens`],
    ["Capabilities", found.capabilities.join(", ") || undefined],
    ["Chat template", found.chatTemplate_sha256 && `SHA-256 ${found.chatTemplate_sha256}`],
    ["Cache", found.kvCache && cacheOf(found.kvCache)],
    ...memory.map(({ context_tokens, bytes }): [string, string] => [`At ${context_tokens} tokens`, `${formatBytes(bytes)} of memory`]),
    ["Machine", `with ${machineMemory_gib(found)} GiB of memory or more`],
    ["License", found.license],
    ["Projectors", found.projectors.join(", ") || undefined],
  ];
  for (const [label, value] of rows) if (value !== undefined) output.line(`${`${label}:`.padEnd(18)}${value}`);
}

async function inspect(file: string): Promise<GgufInspection> {
  try {
    return await inspectGgufFile(file);
  } catch (cause) {
    if (!(cause instanceof GgufError)) throw cause;
    const isMissing = cause.code === "unreadable";
    throw new CliError(
      `${file}: ${cause.message}.`,
      isMissing ? EXIT_CODES.failure : EXIT_CODES.verification,
      isMissing ? "Name a GGUF file that you may read." : "Download it again, from where its hash is published.",
      { cause },
    );
  }
}

function contextsOf({ contextLength_tokens: whole }: GgufInspection): number[] {
  if (whole === undefined) return [...CONTEXTS_tokens];
  return [...CONTEXTS_tokens.filter((context) => context < whole), whole];
}

function readOf({ active, size_bytes }: GgufInspection): string | undefined {
  if (active.bytes === undefined || active.bytes === 0) return undefined;
  return `${formatCount(active.parameters)} parameters, ${formatBytes(active.bytes)} of ${formatBytes(size_bytes)}`;
}

function cacheOf({ perToken_bytes, window_bytes }: NonNullable<GgufInspection["kvCache"]>): string {
  const window = window_bytes > 0 ? `, and ${formatBytes(window_bytes)} for its windows` : "";
  return `${formatBytes(perToken_bytes)} a token at 16 bits${window}`;
}

function report(found: GgufInspection, memory: readonly { context_tokens: number; bytes: number }[]): Record<string, unknown> {
  return {
    kind: found.kind,
    name: found.name ?? null,
    architecture: found.architecture ?? null,
    parameters: found.parameters,
    active_parameters: found.active.parameters,
    active_bytes: found.active.bytes ?? null,
    experts: found.experts ?? null,
    quantization: found.quantization ?? null,
    context_tokens: found.contextLength_tokens ?? null,
    layers: found.layers ?? null,
    vocabulary_tokens: found.vocabulary_tokens ?? null,
    capabilities: found.capabilities,
    chat_template_sha256: found.chatTemplate_sha256 ?? null,
    kv_bytes_per_token: found.kvCache?.perToken_bytes ?? null,
    kv_window_bytes: found.kvCache?.window_bytes ?? null,
    license: found.license ?? null,
    size_bytes: found.size_bytes,
    files: found.files,
    projectors: found.projectors,
    memory,
    min_ram_gb: machineMemory_gib(found),
  };
}
