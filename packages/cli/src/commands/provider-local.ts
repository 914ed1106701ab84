import type { Command } from "commander";

/** The options of a provider that serves this machine's own programs. */
export function withLocal(command: Command): Command {
  return command
    .option("--local", "serve this machine's own programs with the OpenAI and Anthropic API, without a coordinator, in the foreground")
    .option("--port <number>", "with --local: port to listen on, 0 for any free one", "8000")
    .option("--bind <address>", "with --local: address to listen on", "127.0.0.1")
    .option("--no-auth", "with --local: ask for no key; on 127.0.0.1, ::1 or localhost only")
    .option("--origin <origin>", "with --local: a web origin whose pages may ask; repeatable", repeated, [])
    .option("--host-name <name>", "with --local: a further name by which this machine is called; repeatable", repeated, []);
}

function repeated(value: string, list: string[]): string[] {
  return [...list, value];
}
