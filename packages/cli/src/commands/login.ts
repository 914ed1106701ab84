import type { Command } from "commander";
import { coordinatorOption } from "./coordinator-option.js";

/** Signing in as a person, where `umbel provider login` links a machine. */
export function addLoginCommands(program: Command): void {
  shared(program.command("login").description("sign in to your account: approve the code that is shown in a browser"))
    .addOption(coordinatorOption("the account's coordinator"))
    .action(async (options) => (await import("../run/login.js")).login(options));
  shared(program.command("logout").description("end the session of umbel login, and forget it"))
    .option("--local-only", "only forget it; for a coordinator that does not answer any more")
    .action(async (options) => (await import("../run/login.js")).logout(options));
}

function shared(command: Command): Command {
  return command
    .option("--home <directory>", "where the session is kept (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object; progress goes to standard error");
}
