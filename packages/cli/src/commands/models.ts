import type { Command } from "commander";
import { addPublishingCommands } from "./models-publishing.js";

const HOME = "Umbel home (default: UMBEL_HOME, else ~/.umbel)";
const JSON_HELP = "print one JSON object";

function withCatalog(command: Command): Command {
  return command
    .option(
      "--coordinator <url>",
      "coordinator whose catalogue to use",
      process.env["UMBEL_PROVIDER_COORDINATOR"] ?? "http://127.0.0.1:8080",
    )
    .option("--home <directory>", HOME)
    .option("--json", JSON_HELP);
}

export function addModelsCommands(program: Command): void {
  const models = program.command("models").description("the models of this machine, and of the catalogue");
  withCatalog(models.command("catalog"))
    .description("what the coordinator's catalogue offers, and what of it fits this machine")
    .option("--all", "also what does not fit this machine")
    .action(async (options) => (await import("../run/models-catalog.js")).showCatalog(options));
  models
    .command("list")
    .description("the models on this machine")
    .option("--home <directory>", HOME)
    .option("--json", JSON_HELP)
    .action(async (options) => (await import("../run/models-list.js")).listModels(options));
  withCatalog(models.command("download"))
    .description("fetch models, verify them, and keep them for the provider to serve")
    .argument(
      "[model...]",
      "a name of the catalogue, hf:org/repo[@revision][:file], an https address, or a file of this machine (default: choose from the catalogue)",
    )
    .option("--id <id>", "what to call a model that is not of the catalogue")
    .option("--sha256 <hash>", "what a file at an address is to be")
    .option("--max-mbps <number>", "megabits a second at most")
    .option("--max-disk-gb <number>", "what models may take together; unused ones that nobody asked for by name go first")
    .option("--catalog-key <thumbprint>", "accept only manifests that this key has signed, from now on")
    .action(async (names, options) => (await import("../run/models-download.js")).downloadModels(names, options));
  models
    .command("remove")
    .description("take a model off this machine; a file that was taken in where it lies stays there")
    .argument("<id>", "as umbel models list shows it")
    .option("--yes", "do not ask")
    .option("--home <directory>", HOME)
    .option("--json", JSON_HELP)
    .action(async (id, options) => (await import("../run/models-remove.js")).removeModel(id, options));
  models
    .command("inspect")
    .description("what a GGUF file says of itself, without loading it")
    .argument("<file>", "a model's file; of a split model any part")
    .option("--json", "print one JSON object")
    .action(async (file, options) => (await import("../run/models-inspect.js")).inspectModel(file, options));
  addPublishingCommands(models);
}
