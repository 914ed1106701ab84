import type { Command } from "commander";
import { baseUrlOption } from "./base-url.js";

export function addChatCommand(program: Command): void {
  program
    .command("chat")
    .description("talk to a model; without a message, a conversation starts")
    .argument("[message]", "one question; its answer is printed and the command ends (use - to read it from standard input)")
    .addOption(baseUrlOption("API to talk to"))
    .option("--api-key <key>", "API key (default: UMBEL_API_KEY, else the key of `umbel up` on this machine)")
    .option("--home <directory>", "Umbel home (default: UMBEL_HOME, else ~/.umbel)")
    .option("--model <name>", "model to talk to", "sprout")
    .option("--system <text>", "system message")
    .option("--temperature <number>", "sampling temperature, 0 to 2")
    .option("--json", "print one JSON object instead of text; needs a message")
    .action(async (message, options) => (await import("../run/chat.js")).chat(message, options));
}
