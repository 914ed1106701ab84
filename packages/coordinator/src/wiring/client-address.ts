import type { IncomingMessage } from "node:http";
import proxyAddr from "@fastify/proxy-addr";

/**
 * Who opens a connection: the nearest address that is none of a trusted proxy, as the server reads it of requests. What callers write into
 * `X-Forwarded-For` themselves stands behind it, and counts for nothing.
 *
 * @param trustedProxies addresses and networks; with none, the header is never read
 */
export function createClientAddress(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => proxyAddr(request, isTrusted);
}
