import { ApiError } from "@umbel/dialects";

/** Nobody offers a model of this name, as an alias or a build. */
export function modelNotFound(name: string): ApiError {
  return new ApiError({
    status: 404,
    code: "model_not_found",
    type: "invalid_request_error",
    message: `The model "${name}" does not exist or is not offered here`,
    param: "model",
  });
}
