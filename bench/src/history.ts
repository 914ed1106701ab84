import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Report, Table } from "./report.js";

/** What differs by less from run to run says nothing. */
const NOTABLE = 0.1;

/** One run, as a line of the file that runs are kept in. */
export interface KeptRun {
  readonly commit: string;
  readonly at: string;
  readonly bench: string;
  readonly machine: Report["machine"];
  readonly figures: Report["figures"];
}

/** The commit that is checked out, with a mark where files differ from it. */
export function currentCommit(): string {
  return execFileSync("git", ["describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"], { encoding: "utf8" }).trim();
}

export function keepRun(file: string, run: KeptRun): void {
  appendFileSync(file, `${JSON.stringify(run)}\n`);
}

/** The latest run of the same benchmark on such a machine, of another commit; undefined if none is kept. */
export function runBefore(file: string, run: Pick<KeptRun, "bench" | "commit" | "machine">): KeptRun | undefined {
  if (!existsSync(file)) return undefined;
  const runs = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    // Written by `keepRun`.
    .map((line) => JSON.parse(line) as KeptRun);
  const isAlike = (kept: KeptRun): boolean =>
    kept.bench === run.bench && kept.commit !== run.commit && JSON.stringify(kept.machine) === JSON.stringify(run.machine);
  return runs.filter(isAlike).at(-1);
}

/** Every figure that is notably another than before, the one that grew most first. */
export function differences(before: KeptRun, now: Pick<KeptRun, "figures">): Table {
  const known = new Map(numbersIn(before.figures));
  const rows = [...numbersIn(now.figures)].flatMap(([name, value]) => {
    const earlier = known.get(name);
    if (earlier === undefined || earlier === 0 || Math.abs(value / earlier - 1) < NOTABLE) return [];
    return [{ name, earlier, value, change: value / earlier - 1 }];
  });
  rows.sort((a, b) => b.change - a.change);
  return {
    title: `Against ${before.commit} of ${before.at}: ${rows.length === 0 ? "no figure differs" : "figures that differ"} by ${NOTABLE * 100} % or more`,
    header: ["figure", "before", "now", "change %"],
    rows: rows.map(({ name, earlier, value, change }) => [name, earlier, value, change * 100]),
  };
}

/** Numbers by where they stand: `sizes.1.select.p50_us`. */
function* numbersIn(value: unknown, path = ""): Generator<readonly [string, number]> {
  if (typeof value === "number") yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [name, part] of Object.entries(value)) yield* numbersIn(part, path === "" ? name : `${path}.${name}`);
}
