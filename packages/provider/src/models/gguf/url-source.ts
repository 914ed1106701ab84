import type { ByteSource } from "./byte-source.js";
import { GgufError } from "./gguf-error.js";

/** Asked for at once: a header has some megabytes, and every question costs a round trip. */
const BLOCK_bytes = 2 * 1024 * 1024;
const ANSWER_ms = 30_000;

/**
 * A file on a server that answers ranges; no more of it is read than asked for, and a block beyond.
 *
 * @throws GgufError `unreadable` on reading, where the server does not answer, or not with ranges
 */
export function urlSource(
  { url, size_bytes }: { readonly url: string; readonly size_bytes: number },
  ask: typeof fetch,
  { headers, signal }: { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): ByteSource {
  let block = new Uint8Array();
  let start = 0;

  async function fetchBlock(offset: number, length: number): Promise<void> {
    const end = Math.min(size_bytes, offset + Math.max(length, BLOCK_bytes));
    const answer = await ask(url, {
      headers: { ...headers, range: `bytes=${offset}-${end - 1}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_ms)]),
    }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new GgufError("unreadable", `${new URL(url).host} does not answer`, { cause });
    });
    if (answer.status !== 206) {
      await answer.body?.cancel();
      throw new GgufError("unreadable", `${new URL(url).host} answers a part of the file with status ${answer.status}`);
    }
    block = new Uint8Array(await answer.arrayBuffer());
    start = offset;
  }

  return {
    size_bytes,
    async read(offset, length) {
      if (offset >= size_bytes) return new Uint8Array();
      const isThere = offset >= start && Math.min(offset + length, size_bytes) <= start + block.length;
      if (!isThere) await fetchBlock(offset, length);
      return block.subarray(offset - start, offset - start + length);
    },
  };
}
