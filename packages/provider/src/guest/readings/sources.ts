import { readdir, stat } from "node:fs/promises";
import { type ReadText, readSystemText } from "../../machine/memory.js";
import { type RunCommand, runSystemCommand } from "./run-command.js";

/** Where readings come from; tests give files and answers of their own. */
export interface Sources {
  readonly platform: NodeJS.Platform;
  readonly read: ReadText;
  /** Names in a folder; none when there is no such folder. */
  readonly list: (folder: string) => Promise<readonly string[]>;
  /** When a file was last read from, in milliseconds of the epoch; undefined when there is no such file. */
  readonly lastRead_ms: (file: string) => Promise<number | undefined>;
  readonly run: RunCommand;
}

export const SYSTEM_SOURCES: Sources = {
  platform: process.platform,
  read: readSystemText,
  list: (folder) => readdir(folder).catch(() => []),
  lastRead_ms: (file) =>
    stat(file)
      .then(({ atimeMs }) => atimeMs)
      .catch(() => undefined),
  run: runSystemCommand,
};
