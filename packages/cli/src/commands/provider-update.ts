import { type Command, Option } from "commander";

export function addUpdateCommand(provider: Command): void {
  const auto = provider.command("autoupdate").description("whether this provider takes newer releases in by itself");
  const words = { enable: "let it", disable: "do not let it", status: "what it does, and when it looked last" } as const;
  for (const [name, description] of Object.entries(words)) {
    auto
      .command(name)
      .description(description)
      .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
      .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
      .option("--json", "print one JSON object")
      .action(async (options) => {
        const { autoUpdateStatus, setAutoUpdate } = await import("../run/provider-autoupdate.js");
        await (name === "status" ? autoUpdateStatus(options) : setAutoUpdate(name === "enable", options));
      });
  }
  provider
    .command("update")
    .description("fetch the newest release that the coordinator offers, check who signed it, and run it instead of this one")
    .option("--check", "only say whether there is a newer one")
    .option("--back", "go back to the version before the last update")
    .option("--again", "also try a release once more that did not come up before")
    .option("--allow-downgrade", "also take a release that is older than this one")
    .option("--release <version>", "this release instead of the newest")
    .option("--into <directory>", "make an installation that updates itself in this folder")
    .option("--release-key <file>", "public key of whoever makes releases, with --into")
    .addOption(new Option("--unpacked <directory>", "with --into: a release that was fetched and unpacked already").hideHelp())
    .addOption(new Option("--record <file>", "with --unpacked: what the coordinator says of it").hideHelp())
    .option("--channel <name>", "stable or beta", "stable")
    .option("--coordinator <url>", "coordinator to ask (default: that of the settings)")
    .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress goes to standard error")
    .action(async (options) => (await import("../run/provider-update.js")).updateProvider(options));
}
