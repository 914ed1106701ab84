/** `npm run bench -- <name> [--json] [--seconds n]`: runs one benchmark; without a name, lists them. */
import { dialects } from "./dialects/dialects-bench.js";
import { engine } from "./engine/engine-bench.js";
import { ledger } from "./ledger/ledger-bench.js";
import { network } from "./network/network-bench.js";
import { type Bench, printTable } from "./report.js";
import { routing } from "./routing/routing-bench.js";
import { soak } from "./soak/soak-bench.js";

const BENCHES: Readonly<Record<string, Bench>> = { dialects, engine, ledger, network, routing, soak };

const args = process.argv.slice(2);
const name = args.find((arg) => !arg.startsWith("-"));
const json = args.includes("--json");
const secondsAt = args.indexOf("--seconds");
const seconds = secondsAt < 0 ? undefined : Number(args[secondsAt + 1]);
const bench = name === undefined ? undefined : BENCHES[name];

if (bench === undefined) {
  if (name !== undefined) console.error(`There is no benchmark "${name}".`);
  console.log("Benchmarks:");
  for (const [known, { description }] of Object.entries(BENCHES)) console.log(`  ${known.padEnd(12)} ${description}`);
  console.log("\nRun one with: npm run bench -- <name> [--json]");
  process.exit(name === undefined ? 0 : 2);
}

if (seconds !== undefined && !(seconds > 0)) {
  console.error("--seconds takes a positive number.");
  process.exit(2);
}
const report = await bench.run((note) => process.stderr.write(`${note}\n`), seconds === undefined ? {} : { seconds });
for (const table of report.tables) printTable(table);
if (json) console.log(JSON.stringify({ bench: name, machine: report.machine, ...report.figures }));
process.exit(process.exitCode ?? 0);
