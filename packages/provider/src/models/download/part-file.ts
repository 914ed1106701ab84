import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import type { FileParts } from "@umbel/protocol";
import { DOWNLOAD_LIMITS } from "./limits.js";
import { note, openJournal, type PartJournal } from "./part-journal.js";

export interface FileAbout {
  readonly size_bytes: number;
  readonly sha256?: string;
  /** What its parts are to be; they are fetched in these. */
  readonly parts?: FileParts;
}

/** A part that is being written. */
export interface PartWriter {
  /** Place in the file of the next byte, and of the first one after the part. */
  readonly next: number;
  readonly end: number;
  write(bytes: Uint8Array): Promise<void>;
  /** Remembers how far it got, or that it is complete, and gives the part back. @returns bytes that were forgotten: the part is not what it should be */
  release(): Promise<number>;
}

const hashRead_bytes = 1024 * 1024;

/** A file on its way here: `<file>.part` with the bytes, each part at its place, and `<file>.part.journal` that says which parts are there. */
export class PartFile {
  readonly #about: FileAbout;
  readonly #file: string;
  readonly #part_bytes: number;
  readonly #handle: FileHandle;
  readonly #journal: PartJournal;
  readonly #taken = new Set<number>();

  private constructor(file: string, about: FileAbout, part_bytes: number, handle: FileHandle, journal: PartJournal) {
    this.#file = file;
    this.#about = about;
    this.#part_bytes = part_bytes;
    this.#handle = handle;
    this.#journal = journal;
  }

  /** @param file where the whole file is to be in the end */
  static async open(file: string, given: FileAbout, part_bytes: number = DOWNLOAD_LIMITS.part_bytes): Promise<PartFile> {
    const { parts, ...whole } = given;
    // Hashes of other parts than those that are fetched say nothing.
    const about: FileAbout = parts?.size_bytes === part_bytes ? given : whole;
    const data = `${file}.part`;
    const isThere = (await stat(data).catch(() => undefined))?.isFile() ?? false;
    const handle = await open(data, isThere ? "r+" : "w+", 0o600);
    try {
      const journal = await openJournal(`${data}.journal`, { v: 1, part_bytes, ...whole }, isThere);
      const opened = new PartFile(file, about, part_bytes, handle, journal);
      await opened.#forgetWrong();
      return opened;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Makes a whole file that is not what it should be one on its way again, with those of its parts that are as they should be.
   *
   * @returns false where nothing is known of its parts
   */
  static async salvage(file: string, about: FileAbout): Promise<boolean> {
    if (about.parts === undefined) return false;
    await rm(`${file}.part.journal`, { force: true });
    await rename(file, `${file}.part`);
    const opened = await PartFile.open(file, about, about.parts.size_bytes);
    try {
      for (const [part, sha256] of about.parts.sha256.entries()) {
        const { start, end } = opened.#span(part);
        if ((await opened.#hash(start, end)).digest("hex") === sha256) await opened.#note({ part, sha256 });
      }
    } finally {
      await opened.close();
    }
    return true;
  }

  get done_bytes(): number {
    let done = 0;
    for (let part = 0; part < this.#parts; part++) done += this.#doneOf(part);
    return done;
  }

  get isComplete(): boolean {
    return this.#journal.finished.size >= this.#parts;
  }

  etagOf(url: string): string | undefined {
    return this.#journal.etags.get(url);
  }

  async setEtag(url: string, etag: string): Promise<void> {
    await this.#note({ url, etag });
  }

  /** The first part that is neither there nor being written; undefined when there is none left. */
  async take(): Promise<PartWriter | undefined> {
    for (let part = 0; part < this.#parts; part++) {
      if (this.#taken.has(part) || this.#journal.finished.has(part)) continue;
      this.#taken.add(part);
      return this.#writer(part);
    }
    return undefined;
  }

  /** Forgets parts that are not on the disk as they were written. @returns how many */
  async dropDamaged(): Promise<number> {
    let dropped = 0;
    for (const [part, sha256] of [...this.#journal.finished]) {
      const { start, end } = this.#span(part);
      if ((await this.#hash(start, end)).digest("hex") === sha256) continue;
      await this.#note({ part, bytes: 0 });
      dropped++;
    }
    return dropped;
  }

  /** What an earlier program has taken for complete, knowing nothing of parts. */
  async #forgetWrong(): Promise<void> {
    for (const [part, sha256] of [...this.#journal.finished]) {
      if (this.#isWrong(part, sha256)) await this.#note({ part, bytes: 0 });
    }
  }

  #isWrong(part: number, sha256: string): boolean {
    const wanted = this.#about.parts?.sha256[part];
    return wanted !== undefined && wanted !== sha256;
  }

  /** Forgets everything that was fetched: it belongs to another version of the file. */
  async reset(): Promise<void> {
    for (let part = 0; part < this.#parts; part++) if (this.#doneOf(part) > 0) await this.#note({ part, bytes: 0 });
    this.#journal.etags.clear();
  }

  /** SHA-256 of the whole. */
  async sha256(signal: AbortSignal): Promise<string> {
    return (await this.#hash(0, this.#about.size_bytes, signal)).digest("hex");
  }

  /** Makes it the whole file, in one step. */
  async finish(): Promise<void> {
    await this.#handle.truncate(this.#about.size_bytes);
    await this.#handle.sync();
    await this.close();
    await rename(`${this.#file}.part`, this.#file);
    await rm(`${this.#file}.part.journal`, { force: true });
  }

  async close(): Promise<void> {
    await this.#handle.close();
    await this.#journal.close();
  }

  get #parts(): number {
    return Math.ceil(this.#about.size_bytes / this.#part_bytes);
  }

  #span(part: number): { readonly start: number; readonly end: number } {
    const start = part * this.#part_bytes;
    return { start, end: Math.min(start + this.#part_bytes, this.#about.size_bytes) };
  }

  #doneOf(part: number): number {
    const { start, end } = this.#span(part);
    return this.#journal.finished.has(part) ? end - start : Math.min(this.#journal.begun_bytes.get(part) ?? 0, end - start);
  }

  async #writer(part: number): Promise<PartWriter> {
    const { start, end } = this.#span(part);
    let next = start + this.#doneOf(part);
    let recorded = next;
    const hash = await this.#hash(start, next);
    const record = (): Promise<void> => {
      recorded = next;
      return this.#note({ part, bytes: next - start });
    };
    return {
      get next() {
        return next;
      },
      end,
      write: async (bytes) => {
        await this.#writeAt(bytes, next);
        hash.update(bytes);
        next += bytes.length;
        if (next - recorded >= DOWNLOAD_LIMITS.record_bytes) await record();
      },
      release: async () => {
        try {
          if (next < end) {
            if (next > recorded) await record();
            return 0;
          }
          const sha256 = hash.digest("hex");
          if (this.#isWrong(part, sha256)) {
            await this.#note({ part, bytes: 0 });
            return end - start;
          }
          // What the journal calls complete must be there even after the power has failed.
          await this.#handle.datasync();
          await this.#note({ part, sha256 });
          return 0;
        } finally {
          this.#taken.delete(part);
        }
      },
    };
  }

  async #hash(start: number, end: number, signal?: AbortSignal): Promise<Hash> {
    const hash = createHash("sha256");
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(hashRead_bytes, end - start)));
    for (let at = start; at < end; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash;
  }

  async #writeAt(bytes: Uint8Array, place: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done, bytes.length - done, place + done)).bytesWritten;
    }
  }

  async #note(line: Parameters<PartJournal["append"]>[0]): Promise<void> {
    await this.#journal.append(line);
    note(this.#journal, line);
  }
}
