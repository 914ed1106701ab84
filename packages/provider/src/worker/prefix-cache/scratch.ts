import { closeSync, constants, fstatSync, ftruncate, openSync, read, unlinkSync, write } from "node:fs";
import { promisify } from "node:util";

const readAt = promisify(read);
const writeAt = promisify(write);
const truncate = promisify(ftruncate);

/**
 * A file in memory without a name: llama.cpp reads and writes states in files only, and what it writes is plaintext. It is gone with this
 * process, however that ends, and nobody else finds it.
 */
export interface Scratch {
  /** Leads this process, and no other, to the file. */
  readonly path: string;
  size_bytes(): number;
  /** Fills the whole target. */
  read(target: Uint8Array, position: number): Promise<void>;
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Gives the memory back. */
  clear(): Promise<void>;
  close(): void;
}

/** @param location in a folder that lies in memory; nothing stays there */
export function openScratch(location: string): Scratch {
  const descriptor = openSync(location, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(location);
  return {
    path: `/proc/self/fd/${descriptor}`,
    size_bytes: () => fstatSync(descriptor).size,
    async read(target, position) {
      for (let filled = 0; filled < target.length; ) {
        const { bytesRead } = await readAt(descriptor, target, filled, target.length - filled, position + filled);
        if (bytesRead === 0) throw new RangeError("the file is shorter");
        filled += bytesRead;
      }
    },
    async write(bytes, position) {
      for (let written = 0; written < bytes.length; ) {
        const { bytesWritten } = await writeAt(descriptor, bytes, written, bytes.length - written, position + written);
        written += bytesWritten;
      }
    },
    clear: () => truncate(descriptor, 0),
    close: () => closeSync(descriptor),
  };
}

/** Where the worker's two scratches are for the moment in which they have a name. */
export function scratchFiles({ scratch }: { readonly scratch: string }): readonly [out: string, back: string] {
  return [`${scratch}-out`, `${scratch}-back`];
}
