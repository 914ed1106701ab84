import { DownloadError, shownAddress } from "../download/download-error.js";
import { isPrivateWay, probeFile, TransferError, type Transport } from "../download/fetch-range.js";
import { partNames, splitName } from "../gguf/split-name.js";
import { buildName } from "./build-name.js";
import { SourceError } from "./source-error.js";
import type { WantedBuild } from "./wanted-build.js";

/**
 * A model at an address. Of a split model every part is found beside the one named.
 *
 * @param sha256 what the file is to be; absent takes it as it comes
 * @throws SourceError; DownloadError `address_refused`
 */
export async function findAtUrl(url: string, sha256: string | undefined, transport: Transport, signal: AbortSignal): Promise<WantedBuild> {
  // Nothing but the way vouches for a file without a hash.
  if (!isPrivateWay(url)) throw new DownloadError("address_refused", `${shownAddress(url)} is not an https address`);
  const { pathname } = new URL(url);
  const name = decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
  if (!/\.gguf$/i.test(name)) throw new SourceError("bad_reference", `${shownAddress(url)} does not name a GGUF file`);
  const split = splitName(name);
  const names = split === undefined ? [name] : partNames(split);
  if (sha256 !== undefined && names.length > 1) throw new SourceError("bad_reference", "one hash cannot be that of several parts");
  const files = [];
  for (const part of names) {
    const address = new URL(url);
    address.pathname = pathname.slice(0, pathname.lastIndexOf("/") + 1) + encodeURIComponent(part);
    const { size_bytes } = await probe(address.href, transport, signal);
    files.push({ path: part, size_bytes, urls: [address.href], ...(sha256 === undefined ? {} : { sha256 }) });
  }
  return { id: buildName(name), origin: { kind: "url", url: shownAddress(url) }, files };
}

async function probe(url: string, transport: Transport, signal: AbortSignal): Promise<{ readonly size_bytes: number }> {
  try {
    return await probeFile(url, transport, signal);
  } catch (cause) {
    if (!(cause instanceof TransferError)) throw cause;
    throw new SourceError(cause.kind === "gone" ? "not_found" : "unreachable", cause.message, { cause });
  }
}
