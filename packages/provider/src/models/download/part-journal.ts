import { type FileHandle, open, readFile, stat } from "node:fs/promises";
import { sha256Hex } from "@umbel/protocol";
import { z } from "zod";
import { DOWNLOAD_LIMITS } from "./limits.js";

const count = z.number().int().nonnegative();
/** First line: what is being fetched. A journal of anything else is of no use. */
const head = z.object({ v: z.literal(1), size_bytes: count, part_bytes: count, sha256: sha256Hex.optional() });
const entry = z.union([
  /** The part is complete and on the disk; its hash finds it out should the disk lose it. */
  z.object({ part: count, sha256: sha256Hex }),
  /** So many bytes of the part have been written. */
  z.object({ part: count, bytes: count }),
  /** What a server called this version of the file. */
  z.object({ url: z.string().max(4096), etag: z.string().max(1024) }),
]);
type Head = z.infer<typeof head>;
type Entry = z.infer<typeof entry>;

/** What a journal says of parts and servers. */
export interface JournalState {
  readonly finished: Map<number, string>;
  readonly begun_bytes: Map<number, number>;
  readonly etags: Map<string, string>;
}

/** Lines beside a partial file that say which parts of it are there. Appended to only, so that a kill costs at most the last line. */
export interface PartJournal extends JournalState {
  append(line: Entry): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the journal of a download, or begins it anew where there is none for this very file.
 *
 * @param hasData whether the partial file is there; without it the journal means nothing
 */
export async function openJournal(file: string, about: Head, hasData: boolean): Promise<PartJournal> {
  const text = hasData ? await readBounded(file) : "";
  const { state, kept_bytes } = replay(text, about);
  const handle = await open(file, kept_bytes > 0 ? "r+" : "w", 0o600);
  // A line that a kill has cut short would spoil the one after it.
  await handle.truncate(kept_bytes);
  let end_bytes = kept_bytes;
  let last = Promise.resolve();
  const append = async (line: unknown): Promise<void> => {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    const at = end_bytes;
    end_bytes += bytes.length;
    last = last.then(() => writeAll(handle, bytes, at));
    return last;
  };
  if (kept_bytes === 0) await append(about);
  return { ...state, append, close: () => handle.close() };
}

function replay(text: string, about: Head): { readonly state: JournalState; readonly kept_bytes: number } {
  const state: JournalState = { finished: new Map(), begun_bytes: new Map(), etags: new Map() };
  const [first = "", ...lines] = text.split("\n").slice(0, -1);
  const begun = head.safeParse(parsed(first));
  const isSame = begun.success && JSON.stringify(begun.data) === JSON.stringify(head.parse(about));
  if (!isSame) return { state, kept_bytes: 0 };
  let kept_bytes = Buffer.byteLength(first) + 1;
  for (const line of lines) {
    const read = entry.safeParse(parsed(line));
    if (!read.success) break;
    kept_bytes += Buffer.byteLength(line) + 1;
    note(state, read.data);
  }
  return { state, kept_bytes };
}

/** What a line changes; the writer keeps its own state by the same rule. */
export function note({ finished, begun_bytes, etags }: JournalState, line: Entry): void {
  if ("url" in line) etags.set(line.url, line.etag);
  else if ("sha256" in line) finished.set(line.part, line.sha256);
  else {
    finished.delete(line.part);
    begun_bytes.set(line.part, line.bytes);
  }
}

async function readBounded(file: string): Promise<string> {
  try {
    return (await stat(file)).size > DOWNLOAD_LIMITS.journal_bytes_max ? "" : await readFile(file, "utf8");
  } catch {
    // Without a journal every part is fetched.
    return "";
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
