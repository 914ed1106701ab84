export type DownloadErrorCode = "not_found" | "unreachable" | "no_space" | "size_mismatch" | "hash_mismatch" | "address_refused" | "disk";

/** Why files were not fetched. The message is for the owner of the machine and names no secrets: addresses are without their query. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
  constructor(
    readonly code: DownloadErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An address as it may be shown: signed addresses carry their secret in the query. */
export function shownAddress(url: string): string {
  if (!URL.canParse(url)) return "an address that is none";
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
