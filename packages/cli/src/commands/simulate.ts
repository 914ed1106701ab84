import type { Command } from "commander";

export function addSimulateCommand(program: Command): void {
  program
    .command("simulate")
    .description("run the routing of a whole network in virtual time, and compare ways to route")
    .option("--scenario <file>", "scenario file, or the name of one that comes with Umbel (see --list)", "heterogeneous")
    .option("--policy <names>", "ways to route, separated by commas (see --list)", "ours,least-pending,round-robin,random")
    .option("--providers <number>", "so many machines instead of the scenario's")
    .option("--duration <time>", "so much virtual time instead, e.g. 90s, 10m, 1h")
    .option("--rate <number>", "so many requests per second instead")
    .option("--seed <number>", "another seed; equal seeds give equal runs")
    .option("--json <file>", "write all figures and plots as JSON; - is standard output")
    .option("--html <file>", "write a report with plots, in one file that needs nothing else")
    .option("--list", "name the scenarios and policies there are")
    .action(async (options) => (await import("../run/simulate.js")).runSimulate(options));
}
