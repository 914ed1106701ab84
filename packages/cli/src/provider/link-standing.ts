import { API_ANSWERS } from "@umbel/coordinator/answers";
import { callCoordinator } from "../call-coordinator.js";
import { CliError } from "../exit-codes.js";

/** So long before a link ends, its owner is told. */
const NOTICE_ms = 14 * 24 * 3_600_000;

export interface LinkStanding {
  /** False when the coordinator says that it does not know the token any more: then there is nothing left to log out of. */
  readonly isKnown: boolean;
  /** Undefined is until it is revoked. */
  readonly expiresAt: Date | undefined;
}

/** What the coordinator says of a machine's token; undefined when it says nothing. */
export async function standingOf(coordinator: string, token: string, timeout_ms?: number): Promise<LinkStanding | undefined> {
  const call = { method: "GET", path: "/v1/device/token", token, ...(timeout_ms === undefined ? {} : { timeout_ms }) };
  try {
    const reply = await callCoordinator(coordinator, call);
    if (reply.status === 401) return { isKnown: false, expiresAt: undefined };
    const said = API_ANSWERS.providerToken.safeParse(reply.body).data;
    return said && { isKnown: true, expiresAt: said.expires_at === null ? undefined : new Date(said.expires_at) };
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

/** Whether it is time to renew a link. */
export function isEndingSoon(expiresAt: Date, now = new Date()): boolean {
  return expiresAt.getTime() - now.getTime() < NOTICE_ms;
}
