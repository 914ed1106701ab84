/** Why a manifest was refused. `path` names the file at fault, where one is. */
export type ManifestErrorCode =
  | "malformed"
  | "invalid_model_id"
  | "invalid_version"
  | "wrong_prefix"
  | "unsafe_path"
  | "colliding_paths"
  | "wrong_file_count"
  | "wrong_total_size"
  | "wrong_aggregate"
  | "wrong_parts"
  | "split_incomplete"
  | "too_many_files"
  | "no_files"
  | "not_as_signed";

export class ManifestError extends Error {
  override readonly name = "ManifestError";
  readonly path: string | undefined;
  constructor(
    readonly code: ManifestErrorCode,
    path?: string,
  ) {
    super(`manifest refused: ${code}`);
    this.path = path;
  }
}
