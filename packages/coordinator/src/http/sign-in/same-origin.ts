import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { Settings } from "../../config/index.js";
import { ownOrigins } from "./own-origins.js";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses a change that a browser sends with a person's cookie unless a page of this coordinator sent it, as JSON, which no form can.
 *
 * @throws ApiError 403. Source: console.md §1.4
 */
export function refuseForeignPage(request: FastifyRequest, settings: Pick<Settings, "publicUrl" | "host" | "port">): void {
  if (SAFE_METHODS.has(request.method)) return;
  const { origin, "content-type": type = "" } = request.headers;
  const isOwn = origin !== undefined && ownOrigins(settings, request.socket.localPort).includes(origin);
  const isJson = /^application\/json\s*(?:;|$)/i.test(type);
  if (isOwn && isJson) return;
  const message = isOwn ? "send this as application/json" : "with a cookie, only pages of this coordinator may change anything";
  throw new ApiError({ status: 403, code: "forbidden", message });
}
