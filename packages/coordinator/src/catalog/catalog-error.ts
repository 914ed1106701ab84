/**
 * Why the catalogue refused a change.
 * - `invalid_field`: `field` breaks a rule of its own: shape, length, range, alphabet
 * - `manifest_invalid`: the manifest contradicts itself; `cause` is the ManifestError
 * - `wrong_model_id`, `wrong_weight_hash`, `wrong_size`: the build and its manifest do not agree
 * - `version_conflict`: this version of the build was registered before with other files; versions never change
 * - `version_revoked`: the version was revoked, for good
 * - `version_unverified`: not all files of the version were read yet, or one is not what the manifest says
 * - `version_used`: the version has been active, so that it is part of the history
 * - `name_taken`: a build and an alias cannot have one name, unless the alias takes it over
 * - `alias_is_itself`: an alias cannot point to its own name, unless it takes over that of a build
 * - `previous_is_desired`: the fall-back of an alias must be another build
 * - `unknown_build`: `field` names a build that is not in service
 * - `unknown_version`, `unknown_alias`: there is no such thing
 * - `nothing_before`: there is nothing to go back to
 * - `build_in_use`: an alias stands for the build, and would stand for nothing
 * - `changed_meanwhile`: somebody else has changed the alias since it was read
 */
export type CatalogErrorCode =
  | "invalid_field"
  | "manifest_invalid"
  | "wrong_model_id"
  | "wrong_weight_hash"
  | "wrong_size"
  | "version_conflict"
  | "version_revoked"
  | "version_unverified"
  | "version_used"
  | "name_taken"
  | "alias_is_itself"
  | "previous_is_desired"
  | "unknown_build"
  | "unknown_version"
  | "unknown_alias"
  | "nothing_before"
  | "build_in_use"
  | "changed_meanwhile";

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
