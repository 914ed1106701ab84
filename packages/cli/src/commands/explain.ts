import type { Command } from "commander";
import { baseUrlOption } from "./base-url.js";

export function addExplainCommand(program: Command): void {
  program
    .command("explain")
    .description("why a request went where it went; with --machine, why one of your machines gets work, or none")
    .argument("[request-id]", "X-Inference-Job-ID or X-Request-ID of the answer")
    .option("--replay", "decide again with this release's routing, from what was kept, and say whether the same machine wins")
    .option("--machine [id]", "a machine of yours, as X-Provider-Id names it; all of them if none is named")
    .option("--model <name>", "with --machine: for this model only")
    .addOption(baseUrlOption())
    .option("--admin-key <key>", "the operator's key (default: UMBEL_ADMIN_KEY, else that of a coordinator on this machine)")
    .option("--api-key <key>", "key that made the request, for those who are no operators (default: UMBEL_API_KEY)")
    .option("--token <token>", "with --machine: provider token or session (default: UMBEL_PROVIDER_TOKEN)")
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--json", "print one JSON object")
    .action(async (id, options) => (await import("../run/explain.js")).explain(id, options));
}
