import type { Command } from "commander";

const NEXT = `
The service does not see this shell's environment: put settings into provider.toml. A token given here, or in UMBEL_PROVIDER_TOKEN, is kept
in service-token in the provider's folder, readable for you alone.`;

export function addServiceCommands(provider: Command): void {
  const service = provider.command("service").description("serve in the background from when you log in, and again after a crash");
  withDryRun(withPlaces(service.command("install")))
    .description("install and start the service: a user unit of systemd, an agent of launchd, or a task of Windows")
    .option("--coordinator <url>", "coordinator to serve (default: that of provider.toml)")
    .option("--model <directory or id>", "as with umbel provider start; repeatable", (value, list: string[]) => [...list, value], [])
    .option("--token <token>", "provider token of the account that earns (default: UMBEL_PROVIDER_TOKEN)")
    .addHelpText("after", NEXT)
    .action(async (options) => (await import("../run/provider-service.js")).installProviderService(options));
  withDryRun(withPlaces(service.command("uninstall")))
    .description("stop the provider and take the service away; keys, models and settings stay")
    .action(async (options) => (await import("../run/provider-service.js")).uninstallProviderService(options));
  withPlaces(service.command("status"))
    .description("whether a service is installed and runs; exits with 1 if not")
    .action(async (options) => (await import("../run/provider-service.js")).providerServiceStatus(options));
}

function withDryRun(command: Command): Command {
  return command.option("--dry-run", "print what would be written and run, and do nothing");
}

function withPlaces(command: Command): Command {
  return command
    .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress and log lines go to standard error");
}
