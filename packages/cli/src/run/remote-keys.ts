import type { KeyChange } from "@umbel/coordinator";
import { API_ANSWERS } from "@umbel/coordinator/answers";
import { type CoordinatorReply, callCoordinator } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatUsd } from "../money.js";
import { accepted } from "./device.js";
import type { KeyDesk } from "./key-desk.js";

/** Keys of whoever a session token is of, over a coordinator's API. */
export function remoteKeys(coordinator: string, token: string): KeyDesk {
  const ask = (method: string, path: string, body?: object) =>
    callCoordinator(coordinator, { method, path: `/v1/keys${path}`, token, ...(body === undefined ? {} : { body }) });
  const named = async <Answer>(reply: CoordinatorReply, read: (body: unknown) => Answer): Promise<Answer | undefined> =>
    reply.status === 404 ? undefined : read(granted(reply));
  const one = (id: string) => `/${encodeURIComponent(id)}`;
  return {
    whose: `your account at ${coordinator}`,
    list: async () => API_ANSWERS.keyList.parse(granted(await ask("GET", ""))).data,
    get: async (id) => named(await ask("GET", one(id)), (body) => API_ANSWERS.key.parse(body)),
    create: async (policy) => API_ANSWERS.issuedKey.parse(granted(await ask("POST", "", bodyOf(policy)))),
    update: async (id, change) => named(await ask("PATCH", one(id), bodyOf(change)), (body) => API_ANSWERS.key.parse(body)),
    rotate: async (id) => named(await ask("POST", `${one(id)}/rotate`), (body) => API_ANSWERS.issuedKey.parse(body)),
    revoke: async (id) => (await named(await ask("DELETE", one(id)), () => true)) ?? false,
  };
}

/** @throws CliError */
function granted(reply: CoordinatorReply): CoordinatorReply["body"] {
  if (reply.status === 400) throw new CliError(`${reply.message}.`, EXIT_CODES.usage, "Change the option that it names.");
  return accepted(reply, "Try again in a moment.");
}

function bodyOf(change: KeyChange): object {
  const { name, limit_microUsd, limitReset, rpmLimit, itpmLimit, otpmLimit, allowedModels, selfRouteOnly, expiresAt, disabled } = change;
  return {
    name,
    limit_usd: limit_microUsd == null ? limit_microUsd : formatUsd(limit_microUsd),
    limit_reset: limitReset,
    rpm_limit: rpmLimit,
    itpm_limit: itpmLimit,
    otpm_limit: otpmLimit,
    allowed_models: allowedModels,
    self_route_only: selfRouteOnly,
    expires_at: expiresAt == null ? expiresAt : expiresAt.toISOString(),
    disabled,
  };
}
