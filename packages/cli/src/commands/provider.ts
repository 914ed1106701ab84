import { type Command, Option } from "commander";
import { addLinkCommands } from "./device.js";
import { addBenchmarkCommand } from "./provider-benchmark.js";
import { withLocal } from "./provider-local.js";
import { addServiceCommands } from "./provider-service.js";
import { addUpdateCommand } from "./provider-update.js";
import { withUpdateNotice } from "./update-notice.js";

export function addProviderCommands(program: Command): void {
  const provider = program.command("provider").description("serve models from this machine");
  const start = provider.command("start").description("connect this machine to a coordinator and serve, in the background");
  withLocal(shared(start))
    .addOption(new Option("--guarded", "give up after too many crashes").hideHelp())
    .option("--foreground", "stay in the foreground; for service managers and for looking on")
    .option("--coordinator <url>", "coordinator to serve (default: http://127.0.0.1:8080)")
    .option(
      "--model <directory or id>",
      "a model of umbel models list, or a directory with its manifest.json; repeatable (default: the bundled models and all that were downloaded)",
      (value, list: string[]) => [...list, value],
      [],
    )
    .option("--token <token>", "provider token of the account that earns (default: UMBEL_PROVIDER_TOKEN)")
    .option("--token-file <file>", "file that holds the provider token; keeps it out of the list of processes")
    .option("--engine <name>", "llama.cpp, or scripted for tests", "llama.cpp")
    .option("--script <file>", "JSON file that says how the scripted engine behaves")
    .option("--sequences <number>", "answers of one model at the same time, 1 to 64 (default: 16)")
    .option("--threads <number>", "most CPU threads for the model (default: physical cores less one)")
    .option("--gpu-layers <number>", "layers of a model that the graphics card computes; 0 leaves it alone (default: as many as fit)")
    .option("--gpu <name>", "what computes: auto, metal, cuda, vulkan, or cpu for the processor alone (default: auto)")
    .option(
      "--context-length <tokens>",
      "context that a model is served with at most (default: as much as each allows and memory has room for)",
    )
    .option(
      "--models-resident-max <number>",
      "models in memory at once, 1 to 64; others are loaded when asked for (default: as many as fit)",
    )
    .option("--models-memory-max-gb <number>", "memory that models may take together, in GiB (default: what the machine has)")
    .option("--idle-timeout <minutes>", "a model not used for so long leaves memory; 0 is never (default: 60)")
    .option("--kv-cache <type>", "type of the key-value cache: f16, or q8_0, which takes half of the memory (default: f16)")
    .option(
      "--prefix-cache-disk-gb <number>",
      "what remembered prompts may take on the disk, encrypted, in GB (default: none are kept there)",
    )
    .option("--models-disk-max-gb <number>", "what models may take on the disk, in GB (default: 70 % of what they take and is free)")
    .option("--mirror <url>", "where files of models are looked for first; they are held to the same hashes")
    .option("--fetch-max-mbps <number>", "what fetching models may take of the network, in megabits a second (default: all there is)")
    .option("--private-only", "serve only the requests of the machine's own account")
    .option("--log-file <file>", "where log lines go instead of standard error, with --foreground")
    .action(async (options) => (await import("../run/provider.js")).startProvider(options));
  shared(
    provider.command("local").description("where the endpoint is that this machine has opened for its own programs, and its key"),
  ).action(async (options) => (await import("../run/provider-local.js")).showLocal(options));

  addLinkCommands(program, provider);
  shared(provider.command("stop").description("stop the provider; running answers may finish"))
    .option("--now", "do not let running answers finish")
    .action(async (options) => (await import("../run/provider-control.js")).stopProvider(options));
  shared(provider.command("restart").description("stop the provider and start it as it was started last")).action(async (options) =>
    (await import("../run/provider-control.js")).restartProvider(options),
  );
  shared(provider.command("status").description("what the provider does, and with which settings")).action(async (options) =>
    (await import("../run/provider-status.js")).providerStatusCommand(options),
  );
  shared(provider.command("pause").description("take no work and give the memory back; holds over restarts"))
    .option("--for <time>", "resume by itself after that time, e.g. 30m, 2h, 3d (default: until you resume it)")
    .action(async (options) => (await import("../run/provider-control.js")).pauseProvider(options));
  shared(provider.command("resume").description("take work again")).action(async (options) =>
    (await import("../run/provider-control.js")).resumeProvider(options),
  );
  shared(provider.command("doctor").description("what keeps this machine from serving and earning, why, and how to put it right"))
    .option("--strict", "what could be better counts as wrong, too")
    .option(
      "--support [file]",
      "write findings and the last day of the log, without keys, addresses and names, for whoever helps you (default: umbel-support.txt)",
    )
    .action(async (options) => (await import("../run/provider-doctor.js")).doctor(options));
  shared(provider.command("verify").description("as doctor --strict, and hash every byte of every model")).action(async (options) =>
    (await import("../run/provider-doctor.js")).verify(options),
  );
  shared(provider.command("logs").description("the last lines that the provider in the background has logged"))
    .option("-n, --lines <number>", "how many (default: 50, or all with --last)")
    .option("--last <time>", "only those of so long, e.g. 30m, 2h, 3d")
    .option("-f, --follow", "and what comes, until Ctrl-C")
    .action(async (options) => (await import("../run/provider-logs.js")).providerLogs(options));
  shared(provider.command("report").description("send this machine's log to the coordinator's operator, without keys, addresses and names"))
    .option("--last <time>", "how far back, e.g. 30m, 24h, 3d", "24h")
    .option("--dry-run", "print what would be sent, and send nothing")
    .option("--coordinator <url>", "coordinator to send it to (default: that of the settings)")
    .option("--token <token>", "provider token (default: UMBEL_PROVIDER_TOKEN, else that of umbel provider login)")
    .action(async (options) => (await import("../run/provider-report.js")).sendProviderReport(options));
  addBenchmarkCommand(provider);
  addUpdateCommand(provider);
  addServiceCommands(provider);
  withUpdateNotice(provider);
}

function shared(command: Command): Command {
  return command
    .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress and log lines go to standard error");
}
