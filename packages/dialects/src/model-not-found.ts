import { closest, distance } from "fastest-levenshtein";
import { ApiError } from "./canonical/api-error.js";

/** A longer name is no slip of the hand, and not compared. */
const NAME_LENGTH_max = 128;
/** So many signs of a name may be wrong, as a part of all, for it to be taken for another. */
const SLIPS = 1 / 3;

/**
 * Nobody offers a model of this name.
 *
 * @param offered names that the caller may know
 */
export function modelNotFound(name: string, offered: readonly string[]): ApiError {
  const meant = likely(name, offered);
  const question = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  return new ApiError({
    status: 404,
    code: "model_not_found",
    type: "invalid_request_error",
    message: `The model "${name}" does not exist or is not offered here.${question} GET /v1/models lists what is.`,
    param: "model",
  });
}

function likely(name: string, offered: readonly string[]): string | undefined {
  if (name === "" || name.length > NAME_LENGTH_max || offered.length === 0) return undefined;
  const lower = name.toLowerCase();
  const nearest = closest(lower, offered);
  if (distance(lower, nearest.toLowerCase()) <= Math.ceil(name.length * SLIPS)) return nearest;
  // Such as a tag or a path that other systems put around it.
  return offered.find((candidate) => lower.includes(candidate.toLowerCase()));
}
