import { readFileSync } from "node:fs";
import { type EngineChoice, scriptedEngineScript } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { ResolvedSettings } from "./resolve-settings.js";

/** What computes, as options and settings have it. @throws CliError for what there is not */
export function engineOf(
  options: { readonly engine: string; readonly script?: string },
  { threads, kvCache, gpu, gpuLayers, allowCpu }: ResolvedSettings["values"],
): EngineChoice {
  if (options.engine === "scripted") return { kind: "scripted", script: readScript(options.script) };
  if (options.engine !== "llama.cpp")
    throw new CliError(`There is no engine "${options.engine}".`, EXIT_CODES.usage, "Use llama.cpp, or scripted for tests.");
  return {
    kind: "llama.cpp",
    ...(threads === undefined ? {} : { threads_max: threads }),
    ...(kvCache === undefined ? {} : { kvCache }),
    ...(gpuLayers === undefined ? {} : { gpuLayers }),
    ...(gpu === "cpu" && { gpuLayers: 0 }),
    ...(gpu !== undefined && gpu !== "auto" && gpu !== "cpu" && { gpu }),
    ...(allowCpu === false && { needsGpu: true }),
  };
}

function readScript(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  try {
    return scriptedEngineScript.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new CliError(
      `${file} is not a script for the engine: ${cause instanceof Error ? cause.message : String(cause)}`,
      EXIT_CODES.usage,
      "Its fields are in packages/provider/README.md.",
      { cause },
    );
  }
}
