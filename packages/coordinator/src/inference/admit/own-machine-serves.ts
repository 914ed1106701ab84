import { ApiError } from "@umbel/dialects";
import type { Fleet } from "../../fleet/index.js";
import type { Check, PreparedRequest } from "./check.js";
import { isExclusive } from "./prepare.js";

const OFFLINE_RETRY_AFTER_s = 30;
const NOT_LOADED_RETRY_AFTER_s = 15;

/**
 * A request for the account's own machines says what is the matter with them: none linked, none online, or none that has this model and may be
 * sent anything. Those that are merely busy are waited for. Source: api.md §10.3.
 */
export function ownMachineServes(fleet: Pick<Fleet, "someone">): Check<PreparedRequest> {
  return {
    name: "own_machine_serves",
    stage: "preflight_capacity",
    refuse({ input, publicName, preview, spec }) {
      if (!isExclusive(input) || preview.candidates > 0) return undefined;
      const { linked, online } = input.own ?? { linked: 0, online: 0 };
      if (linked === 0) {
        const message =
          "no machine is linked to this account, and the request is for its own machines only — link one with umbel provider start";
        return new ApiError({ status: 409, code: "no_linked_machine", message });
      }
      if (online === 0) {
        const message = `none of this account's ${linked} machines is online — start one, or retry`;
        return new ApiError({ status: 503, code: "machine_offline", message, retryAfter_s: OFFLINE_RETRY_AFTER_s });
      }
      if (fleet.someone("owner_probe", spec)) return undefined;
      const message = `no machine of this account serves model "${publicName}" right now`;
      return new ApiError({ status: 503, code: "model_not_loaded", message, param: "model", retryAfter_s: NOT_LOADED_RETRY_AFTER_s });
    },
  };
}
