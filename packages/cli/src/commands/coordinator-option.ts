import { type Command, Option } from "commander";
import { resolveHome } from "../home.js";
import { readAccountLink, SESSION_FILE } from "../provider/account-link.js";
import { asBaseUrl } from "./base-url.js";

const OWN_COORDINATOR = "http://127.0.0.1:8080";

/**
 * `--coordinator` of a command that asks one: from the environment, else a coordinator on this machine.
 *
 * @param variables the first that is set counts
 */
export function coordinatorOption(about: string, variables: readonly string[] = ["UMBEL_BASE_URL"]): Option {
  const option = new Option("--coordinator <url>", about).default(OWN_COORDINATOR).argParser(asCoordinatorUrl);
  const variable = variables.find((name) => (process.env[name] ?? "") !== "");
  return variable === undefined ? option : option.env(variable);
}

/** The same of a command for an account's owner: where nothing else is said, the coordinator of `umbel login`. */
export function withOwnCoordinator(command: Command): Command {
  return command
    .addOption(coordinatorOption("the account's coordinator, if it is not that of UMBEL_BASE_URL or umbel login"))
    .hook("preAction", async (_, action) => {
      if (action.getOptionValueSource("coordinator") !== "default") return;
      const { home } = action.opts<{ readonly home?: string }>();
      const session = await readAccountLink(resolveHome(home), SESSION_FILE);
      if (session !== undefined) action.setOptionValue("coordinator", session.coordinator);
    });
}

/** An address of the coordinator itself, also if that of its API was given. @throws InvalidArgumentError for what is no address */
function asCoordinatorUrl(given: string): string {
  return asBaseUrl(given).replace(/\/v1$/, "");
}
