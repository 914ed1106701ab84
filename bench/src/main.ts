/** `npm run bench -- <name> [--json]`: runs one benchmark; without a name, lists them. */
import { dialects } from "./dialects/dialects-bench.js";
import { network } from "./network/network-bench.js";
import { type Bench, printTable } from "./report.js";
import { routing } from "./routing/routing-bench.js";

const BENCHES: Readonly<Record<string, Bench>> = { dialects, network, routing };

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith("-"));
const json = args.includes("--json");
const bench = name === undefined ? undefined : BENCHES[name];

if (bench === undefined) {
  if (name !== undefined) console.error(`There is no benchmark "${name}".`);
  console.log("Benchmarks:");
  for (const [known, { description }] of Object.entries(BENCHES)) console.log(`  ${known.padEnd(12)} ${description}`);
  console.log("\nRun one with: npm run bench -- <name> [--json]");
  process.exit(name === undefined ? 0 : 2);
}

const report = await bench.run((note) => process.stderr.write(`${note}\n`));
for (const table of report.tables) printTable(table);
if (json) console.log(JSON.stringify({ bench: name, machine: report.machine, ...report.figures }));
process.exit(0);
