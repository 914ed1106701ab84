import type { ManifestFile } from "./schema.js";

type FileRole = ManifestFile["role"];

const weightExtension = /\.(?:gguf|safetensors|npz|bin)$/i;
const roleOfName: Readonly<Record<string, FileRole>> = {
  "model.safetensors.index.json": "index",
  "tokenizer.json": "tokenizer",
  "tokenizer_config.json": "tokenizer",
  "tokenizer.model": "tokenizer",
  "vocab.json": "tokenizer",
  "merges.txt": "tokenizer",
  "added_tokens.json": "tokenizer",
  "special_tokens_map.json": "tokenizer",
  "config.json": "config",
  "generation_config.json": "config",
  "quantize_config.json": "config",
  "chat_template.jinja": "template",
  "preprocessor_config.json": "preprocessor",
  "processor_config.json": "preprocessor",
};

/**
 * Role of a file in a manifest (catalog.md §2.1), or undefined for a file that does not belong in one: a read-me, a licence, an image.
 *
 * @param path relative path with `/`; only its last segment counts
 */
export function manifestFileRole(path: string): FileRole | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(".")) return undefined;
  if (/\.gguf$/i.test(name) && /^mmproj/i.test(name)) return "projector";
  if (/\.gguf$/i.test(name) && /^adapter/i.test(name)) return "adapter";
  if (weightExtension.test(name)) return "weight";
  return Object.hasOwn(roleOfName, name) ? roleOfName[name] : undefined;
}
