import type { Command } from "commander";
import { asOwner } from "./own-account.js";

/** Linking a machine: its own side, and that of the account's owner. */
export function addLinkCommands(program: Command, provider: Command): void {
  withHome(provider.command("login").description("link this machine to an account, whose owner approves the code that is shown"))
    .option("--coordinator <url>", "coordinator to link to (default: that of the settings)")
    .action(async (options) => (await import("../run/provider-login.js")).login(options));
  withHome(provider.command("logout").description("revoke this machine's token and forget it"))
    .option("--local-only", "only forget it; for a coordinator that does not answer any more")
    .action(async (options) => (await import("../run/provider-login.js")).logout(options));

  const device = program.command("device").description("machines that are linked to your account, or ask to be");
  asOwner(device.command("list").description("provider tokens of the account: one for each machine that was linked")).action(
    async (options) => (await import("../run/device-tokens.js")).listTokens(options),
  );
  asOwner(device.command("revoke").description("revoke a provider token: machines that are connected with it are cut off at once"))
    .argument("<id>", "of the token, as umbel device list shows it")
    .action(async (id, options) => (await import("../run/device-tokens.js")).revokeToken(id, options));
  asOwner(device.command("approve").description("link the machine that shows a code"))
    .argument(...CODE)
    .option("--yes", "do not ask")
    .action(async (code, options) => (await import("../run/device.js")).approveDevice(code, options));
  asOwner(device.command("deny").description("refuse the machine that shows a code"))
    .argument(...CODE)
    .action(async (code, options) => (await import("../run/device.js")).denyDevice(code, options));
}

const CODE = ["<code>", "as the machine shows it"] as const;

function withHome(command: Command): Command {
  return command
    .option("--config <file>", "settings of this provider (default: provider.toml in the Umbel home)")
    .option("--home <directory>", "where keys and models are kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress goes to standard error");
}
