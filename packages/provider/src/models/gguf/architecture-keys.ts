import { GGUF_LIMITS } from "./limits.js";
import type { GgufHeader } from "./read-gguf.js";

/** Reads the metadata keys that begin with the file's architecture. What is absent or absurd is undefined, never zero cost. */
export class ArchitectureKeys {
  readonly #metadata: GgufHeader["metadata"];
  readonly architecture: string | undefined;

  constructor(metadata: GgufHeader["metadata"]) {
    this.#metadata = metadata;
    const name = metadata.get("general.architecture");
    this.architecture = typeof name === "string" && /^[a-z0-9_.-]{1,64}$/i.test(name) ? name : undefined;
  }

  count(key: string, max: number): number | undefined {
    const value = this.#value(key);
    return isCount(value, max) ? value : undefined;
  }

  /** One figure for every layer, from a list or from a figure that all share. */
  perLayer(key: string, layers: number, max: number): readonly number[] | undefined {
    const value = this.#value(key);
    if (isCount(value, max)) return Array.from({ length: layers }, () => value);
    if (!Array.isArray(value) || value.length < layers) return undefined;
    const figures = value.slice(0, layers).filter((item) => isCount(item, max));
    return figures.length === layers ? figures : undefined;
  }

  flags(key: string): readonly boolean[] | undefined {
    const value = this.#value(key);
    return Array.isArray(value) ? value.slice(0, GGUF_LIMITS.layers_max).map((item) => item === true || item === 1) : undefined;
  }

  #value(key: string): unknown {
    return this.architecture === undefined ? undefined : this.#metadata.get(`${this.architecture}.${key}`);
  }
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
