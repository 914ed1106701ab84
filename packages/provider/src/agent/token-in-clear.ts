import { isLoopback } from "../local/index.js";

/** The host to which a token would travel unencrypted over a network; undefined where it does not. */
export function tokenInClearTo(coordinatorUrl: string): string | undefined {
  const { protocol, hostname } = new URL(coordinatorUrl);
  const isPlain = protocol === "http:" || protocol === "ws:";
  return isPlain && !isLoopback(hostname.replace(/^\[|\]$/g, "")) ? hostname : undefined;
}
