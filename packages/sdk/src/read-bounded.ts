import { SealedError } from "./sealed-error.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Collects a stream. @throws SealedError `too_large` as soon as it is longer than `bytes_max` */
export async function readBounded(stream: ReadableStream<Bytes> | null, bytes_max: number): Promise<Bytes> {
  const pieces: Bytes[] = [];
  let length = 0;
  const reader = stream?.getReader();
  for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
    length += next.value.length;
    if (length > bytes_max) {
      await reader?.cancel();
      throw new SealedError("too_large");
    }
    pieces.push(next.value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
