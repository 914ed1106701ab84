import type { Command } from "commander";
import { LOCAL_ACCOUNT } from "../local-accounts.js";
import { withOwnCoordinator } from "./coordinator-option.js";

/** Options of commands for the owner of an account. */
export function asOwner(command: Command): Command {
  return withOwnCoordinator(command)
    .option("--token <token>", "session token of the account (default: that of umbel login, else one made with the coordinator's home)")
    .option("--account <id>", "with the coordinator's home: account that is meant", LOCAL_ACCOUNT)
    .option("--home <directory>", "Umbel home of the coordinator (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object");
}
