/** Writes results to standard output: lines for people, one JSON value for programs. Diagnostics go to standard error. */
export interface Output {
  readonly json: boolean;
  /** A line for people; silent with `--json`. */
  line(text?: string): void;
  /** The result for programs; silent without `--json`. */
  result(value: unknown): void;
  /** Progress or a warning, on standard error, never part of the result. */
  note(text: string): void;
}

export function createOutput(options: { readonly json?: boolean | undefined }): Output {
  const json = options.json === true;
  return {
    json,
    line: (text = "") => {
      if (!json) process.stdout.write(`${text}\n`);
    },
    result: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? Number(item) : item))}\n`);
    },
    note: (text) => {
      process.stderr.write(`${text}\n`);
    },
  };
}

/** A plain text table: columns as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
