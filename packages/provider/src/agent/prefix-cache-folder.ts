import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, readdir, rm, statfs } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "../session/types.js";
import type { PrefixCacheGrant } from "../worker/pipe-messages.js";

export interface PrefixCacheFolderOptions {
  readonly home: string;
  /** What the files may take by the operator's word. */
  readonly bytes_max: number;
  readonly logger: Logger;
  /** A folder that lies in memory. Default: Linux's. */
  readonly memoryFolder?: string;
}

/** File systems that lie in memory, by the numbers that Linux knows them by (statfs(2)). */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);
/** However much is granted, so much of what is free stays free. */
const FREE_SHARE_MAX = 0.5;

/**
 * The folder in which a worker keeps prompts, encrypted under a key that only it knows. Whatever another worker left there means nothing to
 * anybody and is removed.
 */
export class PrefixCacheFolder {
  readonly #options: PrefixCacheFolderOptions;
  readonly #directory: string;
  #refusal: string | undefined;

  constructor(options: PrefixCacheFolderOptions) {
    this.#options = options;
    this.#directory = path.join(options.home, "prefix-cache");
  }

  /** What a fresh worker may use; undefined when nothing may be kept, which the log gives the reason for. */
  async prepare(): Promise<PrefixCacheGrant | undefined> {
    const { bytes_max, memoryFolder = "/dev/shm" } = this.#options;
    const directory = this.#directory;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      await this.clear();
      const reason = await whyNotInMemory(memoryFolder);
      if (reason !== undefined) return this.refuse(reason);
      const { bavail, bsize } = await statfs(directory);
      if (bavail === 0) return this.refuse("the disk is full");
      this.#refusal = undefined;
      const scratch = path.join(memoryFolder, `umbel-${randomBytes(12).toString("hex")}`);
      return { directory, bytes_max: Math.min(bytes_max, bavail * bsize * FREE_SHARE_MAX), scratch };
    } catch (error) {
      return this.refuse(`its folder cannot be used: ${error instanceof Error && "code" in error ? String(error.code) : "unknown"}`);
    }
  }

  /** Removes what workers have left. */
  async clear(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names) if (name.endsWith(".umkv")) await rm(path.join(this.#directory, name), { force: true });
  }

  /** Why prompts are not kept; undefined while they are. */
  get refusal(): string | undefined {
    return this.#refusal;
  }

  /** Says once that prompts are not kept on the disk, and why. */
  refuse(reason: string): undefined {
    if (this.#refusal !== reason) this.#options.logger.warn({ reason }, "prompts are not kept on the disk");
    this.#refusal = reason;
    return undefined;
  }
}

/** What the engine writes is plaintext, so it may lie in memory only. */
async function whyNotInMemory(folder: string): Promise<string | undefined> {
  if (process.platform !== "linux") return "this system has no files in memory that the engine could write to";
  try {
    const { type } = await statfs(folder);
    await access(folder, constants.W_OK);
    return MEMORY_FILE_SYSTEMS.has(type) ? undefined : `${folder} does not lie in memory`;
  } catch {
    return `${folder} is not there, or cannot be written to`;
  }
}
