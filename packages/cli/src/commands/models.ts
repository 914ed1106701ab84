import type { Command } from "commander";
import { coordinatorOption } from "./coordinator-option.js";
import { addPublishingCommands } from "./models-publishing.js";

const HOME = "Umbel home (default: UMBEL_HOME, else ~/.umbel)";
const JSON_HELP = "print one JSON object";

function withPlaces(command: Command): Command {
  return command
    .option("--home <directory>", HOME)
    .option("--config <file>", "settings of the provider, which may say where models are (default: provider.toml in the Umbel home)")
    .option("--json", JSON_HELP);
}

function withCatalog(command: Command): Command {
  return withPlaces(command).addOption(
    coordinatorOption("coordinator whose catalogue to use", ["UMBEL_PROVIDER_COORDINATOR", "UMBEL_BASE_URL"]),
  );
}

export function addModelsCommands(program: Command): void {
  const models = program.command("models").description("the models of this machine, and of the catalogue");
  withCatalog(models.command("catalog"))
    .description("what the coordinator's catalogue offers, and what of it fits this machine")
    .option("--all", "also what does not fit this machine")
    .option("--type <type>", "only models of this kind: chat, or embedding")
    .action(async (options) => (await import("../run/models-catalog.js")).showCatalog(options));
  withPlaces(models.command("list"))
    .description("the models on this machine")
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
    .option("--mirror <url>", "where the files are looked for first, e.g. on another machine here; they are held to the same hashes")
    .option("--catalog-key <thumbprint>", "accept only manifests that this key has signed, from now on")
    .action(async (names, options) => (await import("../run/models-download.js")).downloadModels(names, options));
  withPlaces(models.command("remove"))
    .description("take a model off this machine; a file that was taken in where it lies stays there")
    .argument("<id>", "as umbel models list shows it")
    .option("--yes", "do not ask")
    .action(async (id, options) => (await import("../run/models-remove.js")).removeModel(id, options));
  models
    .command("inspect")
    .description("what a GGUF file says of itself, without loading it")
    .argument("<file>", "a model's file; of a split model any part")
    .option("--json", "print one JSON object")
    .action(async (file, options) => (await import("../run/models-inspect.js")).inspectModel(file, options));
  withPlaces(models.command("verify"))
    .description("hash every byte of a model of this machine, or of all, and compare with its manifest")
    .argument("[id]", "as umbel models list shows it")
    .action(async (id, options) => (await import("../run/models-verify.js")).verifyModels(id, options));
  withPlaces(models.command("prune"))
    .description("what would go for the disk budget: models that nobody asked for by name, the one used longest ago first")
    .option(
      "--max-disk-gb <number>",
      "what models may take together (default: models.max_disk_gb, else 70 % of what they take and is free)",
    )
    .option("--yes", "remove them")
    .action(async (options) => (await import("../run/models-prune.js")).pruneModels(options));
  models
    .command("hash")
    .description("the manifest of a model's files, with sizes and SHA-256; asks nobody")
    .argument("<path>", "a GGUF file, or a folder with a model's files")
    .option("--id <id>", "of the build (default: the name of the file or folder)")
    .option("--version <version>", "of these files", "1.0.0")
    .option("-o, --output <file>", "where to write it, instead of printing it")
    .option("--json", "on one line")
    .action(async (path, options) => (await import("../run/models-hash.js")).hashModel(path, options));
  addPublishingCommands(models);
}
