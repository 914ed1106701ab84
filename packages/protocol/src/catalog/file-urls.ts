import type { SignedManifest } from "./schema.js";

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Where to fetch a file of a manifest from, the first to be tried first: complete addresses of its own, then every origin with prefix and
 * path. Addresses that are neither https, nor loopback, nor the coordinator's own are left out.
 *
 * @param path of one of the manifest's files
 * @param coordinatorUrl of the API that the manifest came from, e.g. `https://umbel.example`; paths are at this one
 */
export function fileUrls(
  manifest: Pick<SignedManifest, "prefix" | "origins" | "file_urls">,
  path: string,
  coordinatorUrl: string,
): readonly string[] {
  const coordinator = new URL(coordinatorUrl);
  const own = Object.hasOwn(manifest.file_urls ?? {}, path) ? (manifest.file_urls?.[path] ?? []) : [];
  const below = `${manifest.prefix}/${path}`.split("/").map(encodeURIComponent).join("/");
  const addresses = [...own, ...manifest.origins.map((origin) => `${origin.replace(/\/+$/, "")}/${below}`)];
  const allowed = addresses.flatMap((address) => {
    if (!URL.canParse(address, coordinator)) return [];
    const url = new URL(address, coordinator);
    return isAllowed(url, coordinator) ? [url.href] : [];
  });
  return [...new Set(allowed)];
}

/** Whether files may be said to be at, or below, an address: https, or http on this machine; no credentials, nothing behind the path. */
export function isFileAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return isReadable(url) && url.search === "" && url.hash === "";
}

/** Plain http reaches only this machine, and the coordinator, if the machine speaks so with it already. */
function isAllowed(url: URL, coordinator: URL): boolean {
  return isReadable(url) || (url.origin === coordinator.origin && !hasCredentials(url));
}

function isReadable(url: URL): boolean {
  if (hasCredentials(url)) return false;
  return url.protocol === "https:" || (url.protocol === "http:" && loopback.test(url.hostname));
}

function hasCredentials({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}
