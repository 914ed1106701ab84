import type { ChatRequest } from "@umbel/dialects";
import { isVersionAtLeast, type RequestSpec } from "@umbel/routing";
import type { BodyShim } from "../../catalog/index.js";

type Shaped = Pick<RequestSpec, "needsTools" | "needsVision" | "needsStructured">;

/** Fields of `sampling` that a request leaves out where it goes to a machine of this version. */
export function sparedFields(shims: readonly BodyShim[], spec: Shaped, version: string): ReadonlySet<string> {
  return new Set(
    shims.filter(({ shape, below }) => hasShape(spec, shape) && !isVersionAtLeast(version, below)).flatMap(({ without }) => without),
  );
}

export function without(request: ChatRequest, fields: ReadonlySet<string>): ChatRequest {
  return { ...request, sampling: Object.fromEntries(Object.entries(request.sampling).filter(([field]) => !fields.has(field))) };
}

function hasShape({ needsTools, needsVision, needsStructured }: Shaped, shape: BodyShim["shape"]): boolean {
  switch (shape) {
    case "all":
      return true;
    case "vision":
      return needsVision;
    case "tools":
      return needsTools;
    case "structured":
      return needsStructured === true;
  }
}
