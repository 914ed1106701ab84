import { isIP } from "node:net";
import { homedir } from "node:os";
import path from "node:path";
import { isFileAddress, parseUsd } from "@umbel/protocol";
import { COEFFICIENTS, isCoefficient, RETRIED_FAILURES } from "@umbel/routing";
import { z } from "zod";

/** What a setting's text may look like: the schema that reads it, and the same in words for whoever wrote it wrong. */
export interface Form<Value> {
  readonly schema: z.ZodType<Value, string>;
  readonly expected: string;
}

const MILLISECONDS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 * 1024 } as const;

/** A duration such as `250ms`, `10s`, `5m` or `1h`, in milliseconds; so is a number without a unit. */
export function duration(range: { readonly least_ms: number; readonly most_ms: number }): Form<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,9}(?:ms|s|m|h)?$/)
      .transform((text) => scaled(text, MILLISECONDS))
      .pipe(z.number().min(range.least_ms).max(range.most_ms)),
    expected: `a duration such as 250ms, 10s, 5m, 1h, or in milliseconds, from ${range.least_ms}ms to ${range.most_ms}ms`,
  };
}

/** A size such as `65536B`, `64KiB` or `16MiB`, in bytes. */
export function size(range: { readonly least_bytes: number; readonly most_bytes: number }): Form<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,9}(?:B|KiB|MiB)$/)
      .transform((text) => scaled(text, BYTES))
      .pipe(z.number().min(range.least_bytes).max(range.most_bytes)),
    expected: `a size such as 64KiB or 16MiB, from ${range.least_bytes}B to ${range.most_bytes}B`,
  };
}

export function wholeNumber(range: { readonly least: number; readonly most: number }): Form<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,10}$/)
      .transform(Number)
      .pipe(z.number().min(range.least).max(range.most)),
    expected: `a whole number from ${range.least} to ${range.most}`,
  };
}

/** Days for which something is kept; 0 is for ever. */
export function keptDays(range: { readonly least: number; readonly most: number }): Form<number> {
  const days = wholeNumber({ ...range, least: 0 });
  return {
    schema: days.schema.refine((value) => value === 0 || value >= range.least),
    expected: `0, or a whole number from ${range.least} to ${range.most}`,
  };
}

export function decimal(range: { readonly least: number; readonly most: number }): Form<number> {
  return {
    schema: z
      .string()
      .regex(/^\d{1,9}(?:\.\d{1,6})?$/)
      .transform(Number)
      .pipe(z.number().min(range.least).max(range.most)),
    expected: `a number from ${range.least} to ${range.most}`,
  };
}

export function oneOf<const Choices extends readonly [string, ...string[]]>(choices: Choices): Form<Choices[number]> {
  return { schema: z.enum(choices), expected: `one of ${choices.join(", ")}` };
}

export const flag: Form<boolean> = {
  schema: z.enum(["true", "false"]).transform((written) => written === "true"),
  expected: "true or false",
};

/** A comma-separated list; blanks around entries are dropped, an empty text is an empty list. */
export function list(entry: Form<string>): Form<readonly string[]> {
  return {
    schema: z
      .string()
      .transform((text) => (text.trim() === "" ? [] : text.split(",").map((part) => part.trim())))
      .pipe(z.array(entry.schema)),
    expected: `a comma-separated list, each ${entry.expected}`,
  };
}

/** A comma-separated list of `name=number`. */
export function countsByName(range: { readonly least: number; readonly most: number }): Form<ReadonlyMap<string, number>> {
  return {
    schema: byName(wholeNumber(range)),
    expected: `a comma-separated list of name=number, each number from ${range.least} to ${range.most}`,
  };
}

/** A comma-separated list of `name=number`, with fractions. */
export function decimalsByName(range: { readonly least: number; readonly most: number }): Form<ReadonlyMap<string, number>> {
  return {
    schema: byName(decimal(range)),
    expected: `a comma-separated list of name=number, each number from ${range.least} to ${range.most}`,
  };
}

/** A comma-separated list of `name=duration`, in milliseconds. */
export function durationsByName(range: { readonly least_ms: number; readonly most_ms: number }): Form<ReadonlyMap<string, number>> {
  const each = duration(range);
  return { schema: byName(each), expected: `a comma-separated list of name=duration, each ${each.expected}` };
}

function byName({ schema }: Form<number>): Form<ReadonlyMap<string, number>>["schema"] {
  return z
    .string()
    .transform((written) => (written.trim() === "" ? [] : written.split(",").map((part) => part.trim().split("="))))
    .pipe(z.array(z.tuple([z.string().min(1).max(256), schema])))
    .transform((entries) => new Map(entries));
}

/** The same, or nothing for an empty text. */
export function optional<Value>({ schema, expected }: Form<Value>): Form<Value | undefined> {
  const nothing = z.literal("").transform(() => undefined);
  return { schema: z.union([nothing, schema]), expected: `${expected}, or empty` };
}

export const sha256: Form<string> = {
  schema: z
    .string()
    .toLowerCase()
    .regex(/^[0-9a-f]{64}$/),
  expected: "64 hexadecimal digits",
};

export const text: Form<string> = { schema: z.string().min(1).max(256), expected: "1 to 256 characters" };

/** A secret that nobody guesses, or empty for none. */
export const adminSecret = optional<string>({
  schema: z.string().regex(/^[\x21-\x7e]{24,256}$/),
  expected: "24 to 256 characters without blanks",
});

/** A path; a leading `~` is the user's home directory. */
const filePath = z
  .string()
  .min(1)
  .max(4_096)
  .transform((written) => path.resolve(written.replace(/^~(?=$|[\\/])/, () => homedir())));

export const directory: Form<string> = { schema: filePath, expected: "a path of a directory" };
export const optionalDirectory = optional(directory);
export const optionalFile = optional<string>({ schema: filePath, expected: "a path of a file" });

/** A folder of a bucket, or empty for none. */
export const optionalBucket = optional<string>({
  schema: z.string().regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[^\s?#]{0,512})?$/),
  expected: "s3://bucket or s3://bucket/folder",
});

/** What something is called elsewhere, or empty. */
export const foreignName = optional<string>({
  schema: z.string().regex(/^[\x21-\x7e]{1,256}$/),
  expected: "up to 256 characters without blanks",
});

/** A public key of age. */
export const ageRecipient: Form<string> = {
  schema: z.string().regex(/^age1[a-z0-9]{50,4000}$/),
  expected: "a public key of age, such as age1…",
};

/** Semantic version, or empty for none. */
export const versionFloor: Form<string> = {
  schema: z.string().regex(/^(?:\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)?$/),
  expected: "a semantic version such as 1.4.0, or empty",
};

export const hostname: Form<string> = {
  schema: z.string().regex(/^[A-Za-z0-9.:_-]{1,253}$/),
  expected: "an address or host name, such as 127.0.0.1",
};

/** An origin as a browser sends it: scheme, host and port, nothing behind. */
export const origin: Form<string> = {
  schema: z.string().refine((written) => URL.canParse(written) && new URL(written).origin === written),
  expected: "an origin such as https://console.example.org",
};

/** An origin, or empty for none. */
export const optionalOrigin = optional(origin);

/** Where files lie: https, or http on this machine. */
export const modelOrigin: Form<string> = {
  schema: z.string().max(2_048).refine(isFileAddress),
  expected: "an address such as https://models.example.org/umbel, without credentials, query or fragment",
};

/** An address of the web, or empty for none. */
export const optionalAddress = optional<string>({
  schema: addressOf(/^https?:$/).max(2_048),
  expected: "an address such as https://umbel.example.org/paid",
});

/** A secret that somebody else has made, or empty for none. */
export const foreignSecret = optional<string>({
  schema: z.string().regex(/^[\x21-\x7e]{8,512}$/),
  expected: "8 to 512 characters without blanks",
});

/** An amount of USD in whole cents, in µUSD. */
export const usd: Form<bigint> = {
  schema: z
    .string()
    .transform((written) => parseUsd(written) ?? -1n)
    .refine((amount_microUsd) => amount_microUsd >= 0n && amount_microUsd % 10_000n === 0n),
  expected: "an amount of USD in whole cents, such as 1 or 0.50",
};

/** An address on a chain of the Ethereum kind, or empty for none. */
export const chainAddress = optional<string>({
  schema: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  expected: "0x and 40 hexadecimal digits",
});

/** Two capital letters (ISO 3166). */
export const country: Form<string> = { schema: z.string().regex(/^[A-Z]{2}$/), expected: "a code of two capital letters such as US" };

/** Coefficients of the cost of a machine, by the names that routing has for them. */
export const coefficients: Form<ReadonlyMap<string, number>> = {
  schema: byName(decimal({ least: 0, most: 999_999_999 })).refine((values) =>
    [...values].every(([name, value]) => isCoefficient(name, value)),
  ),
  expected: `a comma-separated list of coefficient=number, of ${COEFFICIENTS.join(", ")}`,
};

/** Kinds of failure of which another machine is tried, with a whole number each. */
export function failureLimits(range: { readonly least: number; readonly most: number }): Form<ReadonlyMap<string, number>> {
  return {
    schema: countsByName(range).schema.refine((values) => [...values.keys()].every((name) => RETRIED_FAILURES.includes(name))),
    expected: `a comma-separated list of kind=number, of ${RETRIED_FAILURES.join(", ")}, numbers from ${range.least} to ${range.most}`,
  };
}

/** A header's name in lower case, or empty for none. */
export const headerName = optional<string>({
  schema: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .toLowerCase(),
  expected: "the name of a header such as CF-IPCountry",
});

/** `host:port`, or empty for off. */
export const listenAddress = optional<{ readonly host: string; readonly port: number }>({
  schema: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,253}:\d{1,5}$/)
    .transform((written) => {
      const [host = "", port] = written.split(":");
      return { host, port: Number(port) };
    })
    .pipe(z.object({ host: z.string(), port: z.number().max(65_535) })),
  expected: "host:port such as 127.0.0.1:9464",
});

/** Connection string of a PostgreSQL server, or empty for none. */
export const postgresUrl = optional<string>({
  schema: addressOf(/^postgres(?:ql)?:$/),
  expected: "postgres://user:password@host:port/database",
});

/** Connection string of a mail server, or empty for none. */
export const smtpUrl = optional<string>({
  schema: addressOf(/^smtps?:$/),
  expected: "smtp://user:password@host:port or smtps://…",
});

/** An address or a network, e.g. `10.0.0.0/8`. */
export const proxyAddress: Form<string> = {
  schema: z.string().refine((written) => {
    const [address = "", length, ...rest] = written.split("/");
    const bits = isIP(address) === 4 ? 32 : 128;
    return isIP(address) !== 0 && rest.length === 0 && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits));
  }),
  expected: "an address or network such as 127.0.0.1 or 10.0.0.0/8",
};

/** Whether a host name is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function scaled(written: string, units: Readonly<Record<string, number>>): number {
  const [, amount = "0", unit = ""] = /^(\d+)([A-Za-z]*)$/.exec(written) ?? [];
  return Number(amount) * (units[unit] ?? 1);
}

/** An address of the web or of a server, by its scheme. */
function addressOf(protocol: RegExp): z.ZodString {
  return z.string().refine((written) => /^[a-z]+:\/\//.test(written) && URL.canParse(written) && protocol.test(new URL(written).protocol));
}
