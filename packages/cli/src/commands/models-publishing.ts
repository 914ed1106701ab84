import type { Command } from "commander";
import { baseUrlOption } from "./base-url.js";

/** What operators do to the catalogue of a coordinator, by its API. */
export function addPublishingCommands(models: Command): void {
  described(operator(models.command("publish")), "1.0.0")
    .description("register a version of a build with its files, as a draft that nobody sees until it is promoted")
    .argument("<path>", "a GGUF file, or a folder with a model's files")
    .option(
      "--to <place>",
      "directory, or s3://bucket/folder with --origin, to copy the files to (default, without --origin: where the coordinator of this machine hands them out)",
    )
    .option("--s3-endpoint <url>", "of a store that speaks as S3 does (default: AWS_ENDPOINT_URL_S3, else that of AWS)")
    .option("--origin <url...>", "web addresses below which the files are, as <origin>/<prefix>/<path>; machines try them in order")
    .action(async (path, options) => (await import("../run/models-publish.js")).publishModel(path, options));

  described(operator(models.command("import")), "the commit")
    .description("register a model of a Hugging Face repository; its files stay there, and machines fetch them from there")
    .argument("<repository>", "hf:org/repo[@revision][:file.gguf]")
    .action(async (reference, options) => (await import("../run/models-import.js")).importModel(reference, options));

  operator(models.command("promote"))
    .description("put a version of a build into service, with its description and prices")
    .argument("<build>", "id of the build")
    .option("--version <version>", "which one (default: the latest)")
    .action(async (build, options) => (await import("../run/models-rollout.js")).promoteModel(build, options));

  operator(models.command("retire"))
    .description("take a build out of service; machines stop offering it")
    .argument("<build>", "id of the build")
    .option("--undo", "take it back into service")
    .option("--deprecate <date>", "only say that it is to be retired on that day, e.g. 2027-01-31")
    .option("--revoke <version>", "a version's files are not to be trusted: machines remove them, for good")
    .option("--reason <text>", "why it is revoked")
    .action(async (build, options) => (await import("../run/models-rollout.js")).retireModel(build, options));

  operator(models.command("alias"))
    .description("let a name stand for a build, or move it step by step; what is not named stays as it is")
    .argument("<name>", "the name that consumers use")
    .option("--desired <build>", "the build that it is to stand for, or <build>@<version>; the present one becomes the one to fall back to")
    .option("--previous <build>", "the build to fall back to, or <build>@<version>")
    .option("--finish", "everybody has moved: fall back to nothing")
    .option("--share <percent>", "requests that prefer the desired build")
    .option("--wave <percent>", "machines that are told to fetch the desired build")
    .option("--min-machines <number>", "machines that must be able to serve it before requests prefer it")
    .option("--display-name <text>", "what people call it")
    .option("--takeover", "the name is that of a build so far")
    .option("--remove", "take the name away")
    .action(async (name, options) => (await import("../run/models-rollout.js")).setModelAlias(name, options));

  operator(models.command("rollback"))
    .description("go back, at once: a name to the build before, a build to the version before")
    .argument("<name>", "a name or a build")
    .action(async (name, options) => (await import("../run/models-rollout.js")).rollbackModel(name, options));

  operator(models.command("rollouts"))
    .description("names, the builds that they stand for, and how far machines have moved")
    .action(async (options) => (await import("../run/models-rollout.js")).listRollouts(options));

  operator(models.command("registry"))
    .description("every build and version, in service or not")
    .action(async (options) => (await import("../run/models-rollout.js")).listRegistry(options));
}

/** What describes a build and a version of it. */
function described(command: Command, version: string): Command {
  return command
    .option("--id <id>", "id of the build (default: the file's name)")
    .option("--version <version>", `of these files (default: ${version})`)
    .option("--display-name <text>", "what people call it (default: what the file says)")
    .option("--family <text>", "builds of one model have one family")
    .option("--license <text>", "its licence (default: what the file says)")
    .option("--description <text>", "what it is good for")
    .option("--capabilities <list>", "what it can do, e.g. chat,tools,json (default: what the file says)")
    .option("--max-output <tokens>", "tokens of an answer at most")
    .option("--input-price <usd>", "for a million tokens of prompts")
    .option("--output-price <usd>", "for a million tokens of answers")
    .option(
      "--verify",
      "have the coordinator read and hash every file, also large ones, before the version may go into service; waits for it",
    )
    .option("--promote", "put it into service at once, or as soon as it is verified");
}

function operator(command: Command): Command {
  return command
    .addOption(baseUrlOption())
    .option(
      "--admin-key <key>",
      "a publishing key or the operator's (default: UMBEL_PUBLISHING_KEY, UMBEL_ADMIN_KEY, else that of a coordinator on this machine)",
    )
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
