/**
 * `npm run simulate:money -- [--seeds n] [--from s] [--only requests|movements] [--jobs n] [--json]`: exits with 1 when a world's books do not
 * balance, or a word was not kept.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { simulateInParallel } from "./parallel.js";
import { WORLD_KINDS } from "./plan.js";

const SEEDS_default = "10000";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: SEEDS_default },
    from: { type: "string", default: "0" },
    only: { type: "string" },
    jobs: { type: "string", default: String(availableParallelism()) },
    json: { type: "boolean", default: false },
  },
});
const [seeds, from, jobs] = [Number(values.seeds), Number(values.from), Number(values.jobs)];
const isCount = (number: number): boolean => Number.isSafeInteger(number) && number > 0;
if (!(isCount(seeds) && isCount(jobs) && isCount(from + 1))) {
  process.stderr.write("--seeds and --jobs take a number above zero, --from one from zero.\n");
  process.exit(2);
}
const only = WORLD_KINDS.find((kind) => kind === values.only);
if (values.only !== only) {
  process.stderr.write(`--only takes ${WORLD_KINDS.join(" or ")}.\n`);
  process.exit(2);
}

const start_ms = performance.now();
const result = await simulateInParallel({ from, seeds, only, jobs }, (played) => {
  if (process.stderr.isTTY) process.stderr.write(`\r${played} of ${seeds} seeds`);
});
if (process.stderr.isTTY) process.stderr.write("\r");
const { log, ...figures } = result;
const took_s = Math.round((performance.now() - start_ms) / 100) / 10;
if (values.json) process.stdout.write(`${JSON.stringify({ ...figures, took_s, ...(log.length > 0 ? { log } : {}) })}\n`);
else {
  for (const line of log) process.stdout.write(`${line}\n`);
  const { movements, gates, faults, kills } = figures;
  process.stdout.write(
    `${seeds} seeds (${movements} of movements) from ${from} in ${took_s} s: ${gates} gates, ${faults} faults, ${kills} processes killed\n`,
  );
}
for (const { seed, what } of figures.violations) {
  const again = seed === undefined ? "" : ` (again: npm run simulate:money -- --from ${seed} --seeds 1)`;
  process.stderr.write(`${what}${again}\n`);
}
if (figures.violations.length === 0 && !values.json)
  process.stdout.write("every request and movement has one outcome, and the books balance\n");
process.exit(figures.violations.length === 0 ? 0 : 1);
