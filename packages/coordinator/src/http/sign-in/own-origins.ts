import type { FastifyRequest } from "fastify";
import { isLoopback, type Settings } from "../../config/index.js";

const ANY_ADDRESS = new Set(["0.0.0.0", "::", "[::]"]);

/**
 * The addresses at which browsers reach this coordinator, first the one that links name. What pages of other addresses send with a person's
 * cookie is refused, and nothing that a request says of itself adds to them.
 */
export function ownOrigins({ publicUrl, host, port }: Pick<Settings, "publicUrl" | "host" | "port">, localPort = port): readonly string[] {
  if (publicUrl !== undefined) return [publicUrl];
  const here = ["127.0.0.1", "localhost", "[::1]"].map((name) => `http://${name}:${localPort}`);
  const isHere = isLoopback(host) || ANY_ADDRESS.has(host);
  return isHere ? here : [`http://${host.includes(":") ? `[${host}]` : host}:${localPort}`, ...here];
}

/** The own address that a request came to; the first one where it names none of them. */
export function originOf(request: FastifyRequest, settings: Pick<Settings, "publicUrl" | "host" | "port">): string {
  const origins = ownOrigins(settings, request.socket.localPort);
  const asked = `http://${request.headers.host ?? ""}`;
  return origins.find((origin) => origin === asked) ?? origins[0] ?? asked;
}

/** Whether only this machine reaches the coordinator. */
export function isLocalOnly({ publicUrl, host }: Pick<Settings, "publicUrl" | "host">): boolean {
  return isLoopback(publicUrl === undefined ? host : new URL(publicUrl).hostname);
}
