import { readdir } from "node:fs/promises";
import path from "node:path";
import { type ByteSource, withFileSource } from "./byte-source.js";
import { GgufError } from "./gguf-error.js";
import { describeGguf, type GgufFacts } from "./gguf-facts.js";
import { type GgufHeader, readGguf } from "./read-gguf.js";
import { partNames, splitName } from "./split-name.js";

/** A model's files and what they say. */
export interface GgufInspection extends GgufFacts {
  /** Names of the files in order: one, or all parts of a split model. */
  readonly files: readonly string[];
  readonly size_bytes: number;
  /** Files beside it that let it see. */
  readonly projectors: readonly string[];
}

/**
 * Inspects a model's file without loading it; of a split model, all parts, whichever was named.
 *
 * @throws GgufError, naming what is wrong with which part
 */
export async function inspectGgufFile(file: string): Promise<GgufInspection> {
  const directory = path.dirname(file);
  const split = splitName(path.basename(file));
  const files = split === undefined ? [path.basename(file)] : partNames(split);
  const beside: readonly string[] = await readdir(directory).catch(() => []);
  const missing = split === undefined ? undefined : files.find((name) => !beside.includes(name));
  if (missing !== undefined) throw new GgufError("split_incomplete", `${missing}, a part of the model, is missing`);
  const inspection = await inspectParts(files, (name, task) => withFileSource(path.join(directory, name), task));
  return { ...inspection, projectors: beside.filter((name) => /^mmproj.*\.gguf$/i.test(name) && !files.includes(name)).sort() };
}

/** As `inspectGgufFile`, wherever the parts lie. */
export async function inspectParts(
  files: readonly string[],
  open: <T>(name: string, task: (source: ByteSource) => Promise<T>) => Promise<T>,
): Promise<Omit<GgufInspection, "projectors">> {
  const headers: GgufHeader[] = [];
  let size_bytes = 0;
  for (const name of files) {
    const part = await open(name, async (source) => ({ header: await readGguf(source), size_bytes: source.size_bytes }));
    headers.push(part.header);
    size_bytes += part.size_bytes;
  }
  const [first, ...rest] = headers;
  if (first === undefined) throw new GgufError("unreadable", "there is no file");
  const stated = first.metadata.get("split.count");
  if (typeof stated === "number" && stated > 1 && stated !== files.length) {
    throw new GgufError(
      "split_incomplete",
      `the file is one of ${stated} parts, and must keep its name of -00001-of-${String(stated).padStart(5, "0")}.gguf`,
    );
  }
  return { ...describeGguf([first, ...rest]), files, size_bytes };
}
