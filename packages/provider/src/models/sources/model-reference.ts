import { SourceError } from "./source-error.js";

/** What somebody means by the name of a model. */
export type ModelReference =
  | { readonly kind: "catalog"; readonly name: string }
  | { readonly kind: "hugging_face"; readonly repository: string; readonly revision: string; readonly file: string | undefined }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "file"; readonly path: string };

const repository = /^([\w.-]{1,96}\/[\w.-]{1,96})(?:@([\w./-]{1,128}))?$/;
const catalogName = /^[0-9A-Za-z._/-]{1,256}$/;

/**
 * Reads the name of a model: `hf:org/repo[@revision][:file]` or `hf:org/repo[@revision]/file.gguf`, an address, a path that ends with `.gguf` or
 * begins with `/`, `./` or `../`, else a build or name of the catalogue.
 *
 * @throws SourceError `bad_reference`
 */
export function parseModelReference(text: string): ModelReference {
  if (text.startsWith("hf:")) return huggingFace(text);
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return { kind: "url", url: text };
  if (/^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\])/.test(text) || /\.gguf$/i.test(text)) return { kind: "file", path: text };
  if (catalogName.test(text)) return { kind: "catalog", name: text };
  throw new SourceError("bad_reference", `"${text}" names no model: give a name of the catalogue, hf:org/repo, an https address or a path`);
}

function huggingFace(text: string): ModelReference {
  const rest = text.slice("hf:".length);
  const colon = rest.indexOf(":");
  const slashed = /^([^/]+\/[^/]+)\/(.+\.gguf)$/i.exec(rest);
  const [place, file] =
    colon >= 0 ? [rest.slice(0, colon), rest.slice(colon + 1)] : slashed ? [slashed[1] ?? "", slashed[2]] : [rest, undefined];
  const [, name, revision = "main"] = repository.exec(place) ?? [];
  if (name === undefined || file === "" || name.includes("..") || revision.includes("..")) {
    throw new SourceError("bad_reference", `"${text}" is not of the form hf:org/repo[@revision][:file.gguf]`);
  }
  return { kind: "hugging_face", repository: name, revision, file };
}
