import { createHash } from "node:crypto";

/** Source: catalog.md §20.1. */
export const BUNDLE_LIMITS = { bytes_max: 2 * 1024 ** 3, fetch_ms: 120_000 } as const;

/** Whether a release's archive is where it is said to be, and what it is said to be. @returns what is wrong, if anything is */
export type BundleCheck = (release: { readonly url: string; readonly bundleHash: string }) => Promise<string | undefined>;

export function createBundleCheck(
  limits: typeof BUNDLE_LIMITS | { readonly bytes_max: number; readonly fetch_ms: number } = BUNDLE_LIMITS,
): BundleCheck {
  return async ({ url, bundleHash }) => {
    try {
      // A redirect would let the address say one thing and machines fetch another.
      const response = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(limits.fetch_ms) });
      if (!response.ok) return `the address answers with status ${response.status}`;
      const hash = createHash("sha256");
      let read_bytes = 0;
      for await (const chunk of response.body ?? []) {
        read_bytes += chunk.length;
        if (read_bytes > limits.bytes_max) return `the archive has more than ${limits.bytes_max} bytes`;
        hash.update(chunk);
      }
      return hash.digest("hex") === bundleHash ? undefined : "the archive has another SHA-256";
    } catch {
      // A machine would fare no better.
      return "nothing can be fetched from the address without a redirect and in time";
    }
  };
}
