import { splitName } from "../gguf/split-name.js";

/** Id of a build that no catalogue names, from its first file: `Oak-7B.Q4_K_M.gguf` is `oak-7b.q4_k_m`. */
export function buildName(file: string): string {
  const name = file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1);
  const stem = splitName(name)?.stem ?? name.replace(/\.gguf$/i, "");
  const id = stem
    .toLowerCase()
    .replaceAll(/[^0-9a-z._-]+/g, "-")
    .replaceAll(/\.{2,}/g, ".")
    .replace(/^[.-]+|[.-]+$/g, "");
  return id === "" ? "model" : id.slice(0, 128);
}
