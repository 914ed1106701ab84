import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { ApiError } from "@umbel/dialects";

/** Something a request passes before its body is read. Throws ApiError. */
type Gate = (headers: Readonly<Record<string, string | readonly string[] | undefined>>) => void;

/**
 * Lets requests through that call this machine by an address, by `localhost`, or by a name that it has: a page whose own name was made to
 * point here (DNS rebinding) still calls it by that name. An address in the header is what was typed, and cannot be such a name.
 *
 * @param names further ones
 */
export function hostGate(names: readonly string[]): Gate {
  const own = hostname().toLowerCase();
  const known = new Set(["localhost", own, `${own}.local`, ...names.map((name) => name.toLowerCase())]);
  return ({ host }) => {
    const name = hostOf(String(host ?? ""));
    if (known.has(name) || name.endsWith(".localhost") || isIP(name) !== 0) return;
    throw forbidden("this endpoint is not known by that name; start it with --host-name to allow one");
  };
}

function hostOf(header: string): string {
  const name = header.toLowerCase().replace(/:\d+$/, "");
  return name.startsWith("[") && name.endsWith("]") ? name.slice(1, -1) : name.replace(/\.$/, "");
}

/** Lets no web page through but those of the given origins: a browser sends a page's request before it asks whether it may. */
export function originGate(origins: readonly string[]): Gate {
  return ({ origin }) => {
    if (origin === undefined || origins.includes(String(origin))) return;
    throw forbidden("web pages of this origin may not ask; start the endpoint with --origin to allow one");
  };
}

/** Lets those through who hold the key, as `Authorization: Bearer` or as `x-api-key`. */
export function keyGate(key: string): Gate {
  const expected = digest(key);
  return ({ authorization, "x-api-key": apiKey }) => {
    const offered = authorization === undefined ? apiKey : /^bearer\s+(\S+)\s*$/i.exec(String(authorization))?.[1];
    // Digests have one length, so that the comparison takes one time.
    if (offered !== undefined && timingSafeEqual(digest(String(offered)), expected)) return;
    throw new ApiError({
      status: 401,
      code: "authentication_error",
      message: "missing or invalid local API key — see it with: umbel provider local",
      headers: { "WWW-Authenticate": "Bearer" },
    });
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function forbidden(message: string): ApiError {
  return new ApiError({ status: 403, code: "forbidden", message });
}
