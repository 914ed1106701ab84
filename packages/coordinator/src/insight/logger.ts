import { redactFields, redactText } from "@umbel/protocol";
import { type DestinationStream, type Logger, pino } from "pino";

export interface LoggerOptions {
  readonly level: string;
  /** Default: standard error, so that standard output stays the result of a command. */
  readonly destination?: DestinationStream;
}

/** JSON lines; every text and field goes through the redactor before it is written, so that no call site has to remember. */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // The redactor has made plain objects of errors already.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(args, log) {
          const [first, ...rest] = args.map((part: unknown) => (typeof part === "string" ? redactText(part) : redactFields(part)));
          if (args[0] instanceof Error) log.apply(this, [{ err: first }, ...rest.map(String)]);
          else if (typeof first === "string") log.apply(this, [first]);
          else log.apply(this, [first as object, ...rest.map(String)]);
        },
      },
    },
    options.destination ?? pino.destination({ dest: 2, sync: false }),
  );
}
