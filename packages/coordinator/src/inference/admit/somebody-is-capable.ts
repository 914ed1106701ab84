import { ApiError } from "@umbel/dialects";
import type { RequestSpec } from "@umbel/routing";
import type { Fleet } from "../../fleet/index.js";
import type { RetryAfter } from "../retry-after.js";
import type { Check, PreparedRequest } from "./check.js";

/**
 * Machines that offer the model may offer it without what the request needs. As long as none is there that can, however busy, waiting is of
 * no use. Requests that prefer own machines are told what is the matter with those. Source: routing.md §7.
 */
export function somebodyIsCapable(fleet: Pick<Fleet, "someone">, retryAfter: RetryAfter): Check<PreparedRequest> {
  return {
    name: "somebody_is_capable",
    stage: "model_resolution",
    refuse({ spec, publicName, build }) {
      const lacking = lackOf(spec);
      if (lacking === undefined || spec.route !== "public" || fleet.someone("presence_probe", spec)) return undefined;
      // Where nobody is there at all, that is what is to be said.
      if (!fleet.someone("presence_probe", { ...spec, ...NOTHING_SPECIAL })) return undefined;
      return withoutCapable(publicName, lacking, retryAfter.seconds(build.id));
    },
  };
}

type Lack = "tools" | "vision" | "structured";

const NOTHING_SPECIAL = { needsTools: false, needsVision: false, needsStructured: false } as const;

function lackOf({ needsTools, needsVision, needsStructured }: RequestSpec): Lack | undefined {
  if (needsTools) return "tools";
  if (needsVision) return "vision";
  return needsStructured === true ? "structured" : undefined;
}

/** The model can do it, and no machine that could is free or there. */
export function withoutCapable(model: string, lacking: Lack, retryAfter_s: number): ApiError {
  const message = {
    tools: `no online provider for model "${model}" supports tool calls right now`,
    vision: `model "${model}" has no provider available for image input right now`,
    structured: `no online provider for model "${model}" supports structured output right now`,
  }[lacking];
  return new ApiError({ status: 503, code: "model_unavailable", message, param: "model", retryAfter_s });
}
