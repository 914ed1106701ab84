/**
 * Why the catalogue refused a change.
 * - `invalid_field`: `field` breaks a rule of its own: shape, length, range, alphabet
 * - `manifest_invalid`: the manifest contradicts itself; `cause` is the ManifestError
 * - `wrong_model_id`, `wrong_weight_hash`, `wrong_size`: the build and its manifest do not agree
 * - `version_conflict`: this version of the build was registered before with other files; versions never change
 * - `name_taken`: a build and an alias cannot have one name
 * - `alias_is_itself`: an alias cannot point to its own name
 * - `previous_is_desired`: the fall-back of an alias must be another build
 * - `unknown_build`: `field` names a build that is not registered
 */
export type CatalogErrorCode =
  | "invalid_field"
  | "manifest_invalid"
  | "wrong_model_id"
  | "wrong_weight_hash"
  | "wrong_size"
  | "version_conflict"
  | "name_taken"
  | "alias_is_itself"
  | "previous_is_desired"
  | "unknown_build";

/** A change that the catalogue refused; nothing of it happened. */
export class CatalogError extends Error {
  override readonly name = "CatalogError";

  constructor(
    readonly code: CatalogErrorCode,
    /** Dotted path of the input's field at fault, e.g. `prices.input_microUsd`. */
    readonly field: string,
    options?: ErrorOptions,
  ) {
    super(`catalogue change refused: ${code} (${field})`, options);
  }
}
