import { availableParallelism, cpus, totalmem } from "node:os";

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Report {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memory_gb: number; readonly node: string };
  readonly tables: readonly Table[];
  /** What `--json` prints. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface Bench {
  readonly description: string;
  run(progress: (note: string) => void, options: BenchOptions): Promise<Report>;
}

export interface BenchOptions {
  /** How long to go on, for those that can be made shorter. */
  readonly seconds?: number;
  /** How often each measurement is taken, for those that take it several times. */
  readonly rounds?: number;
  /** Its parts that are to be run; absent is all of them. */
  readonly parts?: readonly string[];
  /** The models that it is to be run with, for those that have several. */
  readonly models?: readonly string[];
}

export function machine(): Report["machine"] {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

export function printTable({ title, header, rows }: Table): void {
  const cells = [header, ...rows].map((row) => row.map((cell) => (typeof cell === "number" ? format(cell) : cell)));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  console.log(`\n${title}`);
  for (const row of cells)
    console.log(
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  ")}`,
    );
}

/** The value below which a share `p` (0 to 1) of the samples lies; NaN without samples. */
export function percentile(samples: readonly number[], p: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

function format(value: number): string {
  if (!Number.isFinite(value)) return "-";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
