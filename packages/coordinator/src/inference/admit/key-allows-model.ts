import { ApiError } from "@umbel/dialects";
import type { AliasRecord } from "../../catalog/index.js";
import type { AskedRequest, Check } from "./check.js";

/** A key with a list serves only what the list names: an alias opens the builds behind it, a build opens the aliases that lead to it. */
export function keyAllowsModel(aliases: () => readonly AliasRecord[]): Check<AskedRequest> {
  return {
    name: "key_allows_model",
    stage: "model_resolution",
    refuse({ input, resolved }) {
      const allowed = input.principal.key?.allowedModels ?? [];
      const name = input.request.model;
      if (allowed.length === 0 || allowed.includes(name)) return undefined;
      if (resolved !== undefined && allowed.includes(resolved.build.id)) return undefined;
      const leadsHere = ({ desired, previous }: AliasRecord): boolean => desired.id === name || previous?.id === name;
      if (aliases().some((alias) => allowed.includes(alias.id) && leadsHere(alias))) return undefined;
      return new ApiError({
        status: 403,
        code: "model_not_allowed",
        message: `this API key may not use model "${name}"`,
        param: "model",
      });
    },
  };
}
