import { CliError, EXIT_CODES } from "./exit-codes.js";

/** What the system's own words mean for whoever started the command. */
const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is not a directory",
  ENOENT: "a part of the path does not exist",
};

/** A failure of the file system in words, with what to do; undefined for anything else. */
export function asFileError(error: unknown): CliError | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("path" in error)) return undefined;
  const meaning = MEANINGS[String(error.code)];
  if (meaning === undefined) return undefined;
  return new CliError(
    `${String(error.path)}: ${meaning}.`,
    EXIT_CODES.hardware,
    "Choose another place for Umbel's state with --home, or mend this one.",
    {
      cause: error,
    },
  );
}
