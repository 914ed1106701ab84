export type ModelErrorCode =
  | "manifest_missing"
  | "manifest_invalid"
  | "facts_missing"
  | "facts_invalid"
  | "file_missing"
  | "size_mismatch"
  | "hash_mismatch"
  | "changed_while_reading"
  | "record_invalid"
  | "not_here"
  | "in_use"
  | "gguf_invalid";

/** A model that cannot be taken in or is not what its manifest says. The message names a file of the operator's own disk. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  constructor(
    readonly code: ModelErrorCode,
    readonly file: string,
    options?: ErrorOptions,
  ) {
    super(`${describe[code]}: ${file}`, options);
  }
}

const describe: Readonly<Record<ModelErrorCode, string>> = {
  manifest_missing: "there is no manifest of the model",
  manifest_invalid: "the manifest of the model is not valid",
  facts_missing: "there is no catalog.json beside the manifest",
  facts_invalid: "catalog.json is not valid or does not describe this manifest",
  file_missing: "a file of the model cannot be read",
  size_mismatch: "a file of the model has another size than its manifest says",
  hash_mismatch: "a file of the model has other contents than its manifest says",
  changed_while_reading: "a file of the model changed while it was verified",
  record_invalid: "the record of an imported model is damaged; import the model again",
  not_here: "there is no such model on this machine",
  in_use: "the model is in the memory of a running provider",
  gguf_invalid: "what was fetched is no model that can be loaded",
};
