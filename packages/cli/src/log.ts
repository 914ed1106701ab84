import pino from "pino";

/** A program's own log, one JSON object a line on standard error, so that standard output stays the command's result. */
export function createLog(component: string): pino.Logger {
  return pino(
    { base: { component }, level: process.env["UMBEL_LOG_LEVEL"] ?? "info", timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 2, sync: true }),
  );
}
