import type { GgufHeader } from "./read-gguf.js";
import { tensorType } from "./tensor-types.js";

/** Labels of `general.file_type`. Source: `llama_ftype` in llama.h. */
const fileTypes: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  7: "Q8_0",
  8: "Q5_0",
  9: "Q5_1",
  10: "Q2_K",
  11: "Q3_K_S",
  12: "Q3_K_M",
  13: "Q3_K_L",
  14: "Q4_K_S",
  15: "Q4_K_M",
  16: "Q5_K_S",
  17: "Q5_K_M",
  18: "Q6_K",
  19: "IQ2_XXS",
  20: "IQ2_XS",
  21: "Q2_K_S",
  22: "IQ3_XS",
  23: "IQ3_XXS",
  24: "IQ1_S",
  25: "IQ4_NL",
  26: "IQ3_S",
  27: "IQ3_M",
  28: "IQ2_S",
  29: "IQ2_M",
  30: "IQ4_XS",
  31: "IQ1_M",
  32: "BF16",
  36: "TQ1_0",
  37: "TQ2_0",
  38: "MXFP4",
};
/** Set in the file type by converters that only guessed it. */
const guessed = 1024;

/** Label of how most of the weights are stored: what the file says of itself, else the type that takes most bytes. */
export function quantizationOf({ metadata, tensors }: Pick<GgufHeader, "metadata" | "tensors">): string | undefined {
  const stated = metadata.get("general.file_type");
  const label = typeof stated === "number" ? fileTypes[stated >= guessed ? stated - guessed : stated] : undefined;
  if (label !== undefined) return label;
  const bytes = new Map<number, number>();
  for (const { type, size_bytes } of tensors) bytes.set(type, (bytes.get(type) ?? 0) + (size_bytes ?? 0));
  const [largest] = [...bytes].sort((a, b) => b[1] - a[1]);
  return largest === undefined ? undefined : tensorType(largest[0])?.label;
}
