import type { Command } from "commander";

export function addModelsCommands(program: Command): void {
  const models = program.command("models").description("the models of this machine, and of the catalogue");
  models
    .command("inspect")
    .description("what a GGUF file says of itself, without loading it")
    .argument("<file>", "a model's file; of a split model any part")
    .option("--json", "print one JSON object")
    .action(async (file, options) => (await import("../run/models-inspect.js")).inspectModel(file, options));
}
