/** `npm run bench -- <name> [--json] [--seconds n] [--rounds n] [--only part,…] [--model name,…] [--keep file]`: runs one benchmark; without a name, lists them. */
import { parseArgs } from "node:util";
import { dialects } from "./dialects/dialects-bench.js";
import { engine } from "./engine/engine-bench.js";
import { currentCommit, differences, keepRun, runBefore } from "./history.js";
import { ledger } from "./ledger/ledger-bench.js";
import { network } from "./network/network-bench.js";
import { type Bench, printTable, type Report } from "./report.js";
import { routing } from "./routing/routing-bench.js";
import { soak } from "./soak/soak-bench.js";

const BENCHES: Readonly<Record<string, Bench>> = { dialects, engine, ledger, network, routing, soak };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    seconds: { type: "string" },
    rounds: { type: "string" },
    only: { type: "string" },
    model: { type: "string" },
    keep: { type: "string" },
  },
});
const [name] = positionals;
const bench = name === undefined ? undefined : BENCHES[name];

if (bench === undefined) {
  if (name !== undefined) console.error(`There is no benchmark "${name}".`);
  console.log("Benchmarks:");
  for (const [known, { description }] of Object.entries(BENCHES)) console.log(`  ${known.padEnd(12)} ${description}`);
  console.log("\nRun one with: npm run bench -- <name> [--json]");
  process.exit(name === undefined ? 0 : 2);
}

const report = await bench.run((note) => process.stderr.write(`${note}\n`), {
  ...(values.seconds !== undefined && { seconds: positive("--seconds", values.seconds) }),
  ...(values.rounds !== undefined && { rounds: Math.ceil(positive("--rounds", values.rounds)) }),
  ...(values.only !== undefined && { parts: values.only.split(",") }),
  ...(values.model !== undefined && { models: values.model.split(",") }),
});
for (const table of report.tables) printTable(table);
if (values.keep !== undefined) compareAndKeep(values.keep, name ?? "", report);
if (values.json) console.log(JSON.stringify({ bench: name, machine: report.machine, ...report.figures }));
process.exit(process.exitCode ?? 0);

/** Shows what differs from the last commit that was measured on such a machine, and adds this run to the file. */
function compareAndKeep(file: string, bench: string, { machine, figures }: Report): void {
  const run = { commit: currentCommit(), at: new Date().toISOString(), bench, machine, figures };
  const before = runBefore(file, run);
  if (before !== undefined) printTable(differences(before, run));
  keepRun(file, run);
}

function positive(option: string, value: string): number {
  const number = Number(value);
  if (number > 0) return number;
  console.error(`${option} takes a positive number.`);
  process.exit(2);
}
