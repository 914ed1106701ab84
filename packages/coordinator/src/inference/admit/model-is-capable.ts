import { ApiError } from "@umbel/dialects";
import { modelType } from "../../catalog/index.js";
import type { Check, PreparedRequest } from "./check.js";

/** Names under which a catalogue may list a capability. Source: catalog.md §13. */
const VISION = ["vision", "image", "image_input", "multimodal"];
const STRUCTURED = ["json", "json_mode", "json_object", "structured_outputs", "structured_output", "json_schema"];
const TOOLS = ["tools", "tool_use", "tool_calling", "function_calling", "functions"];

/** What the model itself cannot do, no machine can; that is the caller's mistake, not a shortage. */
export const modelIsCapable: Check<PreparedRequest> = {
  name: "model_is_capable",
  stage: "capability",
  refuse({ build, publicName, request, spec }) {
    const embeds = modelType(build) === "embedding";
    if (embeds !== (request.task.type === "embedding")) return wrongTask(publicName, embeds ? "only embeddings" : "no embeddings");
    if (spec.needsVision && !offers(build.capabilities, VISION)) return unsupported(publicName, "image input", "messages");
    if (spec.needsTools && !offers(build.capabilities, TOOLS)) return unsupported(publicName, "tool calls", "tools");
    if (spec.needsStructured === true && !offers(build.capabilities, STRUCTURED)) {
      return unsupported(publicName, "structured output", "response_format");
    }
    return undefined;
  },
};

function offers(capabilities: readonly string[], names: readonly string[]): boolean {
  return capabilities.some((capability) => names.includes(capability.toLowerCase()));
}

function wrongTask(model: string, what: string): ApiError {
  return new ApiError({
    status: 400,
    code: "invalid_request_error",
    message: `model "${model}" makes ${what}`,
    param: "model",
  });
}

function unsupported(model: string, what: string, param: string): ApiError {
  return new ApiError({
    status: 400,
    code: "unsupported_parameter",
    type: "invalid_request_error",
    message: `model "${model}" does not support ${what}`,
    param,
  });
}
