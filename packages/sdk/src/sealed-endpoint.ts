import type { SealedRoute } from "@umbel/protocol";

/** Endpoints of the API that take sealed bodies. */
const PATHS = [
  "/chat/completions",
  "/responses",
  "/responses/input_tokens",
  "/completions",
  "/embeddings",
  "/messages",
  "/messages/count_tokens",
];

export interface SealedEndpoint {
  /** Of the coordinator, up to `/v1`. */
  readonly base: string;
  readonly route: SealedRoute;
}

/** Which endpoint of which coordinator a URL names; undefined when it is none that takes sealed bodies. The coordinator may be below a path. */
export function sealedEndpoint(url: string, method: string): SealedEndpoint | undefined {
  if (method !== "POST") return undefined;
  const { origin, pathname } = new URL(url, globalThis.location?.href);
  const at = pathname.lastIndexOf("/v1/");
  const path = pathname.slice(at);
  if (at === -1 || !PATHS.includes(path.slice("/v1".length))) return undefined;
  return { base: origin + pathname.slice(0, at), route: { method, path } };
}
