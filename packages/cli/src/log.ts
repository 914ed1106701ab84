import { mkdirSync } from "node:fs";
import path from "node:path";
import pino from "pino";
import { createStream } from "rotating-file-stream";

/** A log file of this size is put aside, and so many of those are kept. */
const LOG_FILE_SIZE = "10M";
const LOG_FILES_max = 10;

/**
 * A program's own log, one JSON object a line: on standard error, so that standard output stays the command's result, or in a file that is
 * changed for a new one before it grows large.
 */
export function createLog(component: string, file?: string): pino.Logger {
  const options = { base: { component }, level: process.env["UMBEL_LOG_LEVEL"] ?? "info", timestamp: pino.stdTimeFunctions.isoTime };
  if (file === undefined) return pino(options, pino.destination({ dest: 2, sync: true }));
  const folder = path.dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return pino(options, createStream(path.basename(file), { path: folder, size: LOG_FILE_SIZE, maxFiles: LOG_FILES_max, mode: 0o600 }));
}
