import { writeFile } from "node:fs/promises";
import { isPolicyName, POLICIES, type PolicyName } from "@umbel/routing/simulator";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { comparison } from "../simulation/comparison.js";
import { createProgress } from "../simulation/progress.js";
import { htmlReport } from "../simulation/report.js";
import { loadScenario, type Overrides, shippedScenarios } from "../simulation/scenario-file.js";
import { simulateInThreads } from "../simulation/threads.js";

export interface SimulateOptions extends Overrides {
  readonly scenario: string;
  readonly policy: string;
  readonly json?: string;
  readonly html?: string;
  readonly list?: boolean;
}

const STANDARD_OUTPUT = "-";

/** `umbel simulate`. */
export async function runSimulate(options: SimulateOptions): Promise<void> {
  const output = createOutput({ json: options.json === STANDARD_OUTPUT });
  if (options.list === true) {
    output.line(await inventory());
    return;
  }
  const policies = policiesOf(options.policy);
  const { scenario, trace } = await loadScenario(options.scenario, options);
  const progress = createProgress(process.stderr);
  const started_ms = performance.now();
  const whole_ms = scenario.duration_s * 1000 * policies.length;
  const runs = await simulateInThreads(
    policies.map((policy) => ({ scenario, policy, trace })),
    (passed_ms) => progress.show(policies.join(", "), passed_ms / whole_ms),
  );
  progress.clear();
  const result = { scenario, runs };
  output.result(result);
  if (options.json !== undefined && options.json !== STANDARD_OUTPUT) await writeFile(options.json, `${JSON.stringify(result)}\n`);
  if (options.html !== undefined) await writeFile(options.html, htmlReport(scenario, runs));
  const { header, rows } = comparison(runs);
  const size = `${scenario.fleet.providers} machines, ${scenario.duration_s} s, seed ${scenario.seed}`;
  output.line(`${scenario.name}: ${size}\n`);
  output.line(table(header, rows));
  output.line(`\n${seconds(performance.now() - started_ms)} for ${seconds(whole_ms)} of virtual time`);
}

function policiesOf(names: string): readonly PolicyName[] {
  return names.split(",").map((text) => {
    const name = text.trim();
    if (isPolicyName(name)) return name;
    throw new CliError(`There is no policy "${name}".`, EXIT_CODES.usage, `There are ${Object.keys(POLICIES).join(", ")}.`);
  });
}

async function inventory(): Promise<string> {
  const scenarios = await shippedScenarios();
  const policies = Object.entries(POLICIES).map(([name, { description }]) => [name, description]);
  return `${table(
    ["SCENARIO", "WHAT IT IS"],
    scenarios.map(({ name, description }) => [name, description]),
  )}\n\n${table(["POLICY", "HOW IT CHOOSES"], policies)}`;
}

function seconds(duration_ms: number): string {
  return `${(duration_ms / 1000).toFixed(1)} s`;
}
