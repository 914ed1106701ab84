import { countryCode } from "@umbel/protocol";
import type { FastifyRequest } from "fastify";
import type { Settings } from "../config/index.js";

/** Said of callers whose country nobody knows, or who hide it. */
const NOWHERE: ReadonlySet<string> = new Set(["XX", "ZZ", "T1"]);

/**
 * In which country a caller is, as a proxy says that the operator trusts; undefined where none does. Nobody is looked up by address, and what a
 * caller says of itself does not count.
 */
export function callerCountry(
  { headers, ips }: Pick<FastifyRequest, "headers" | "ips">,
  { countryHeader }: Pick<Settings, "countryHeader">,
): string | undefined {
  if (countryHeader === undefined || (ips?.length ?? 0) < 2) return undefined;
  const said = countryCode.safeParse(String(headers[countryHeader] ?? "").toUpperCase());
  return said.success && !NOWHERE.has(said.data) ? said.data : undefined;
}
