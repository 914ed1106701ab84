import type { Command } from "commander";

/** The options of a provider that serves this machine's own programs, too or only. */
export function withLocal(command: Command): Command {
  return command
    .option("--local", "serve this machine's own programs with the OpenAI and Anthropic API, without a coordinator, in the foreground")
    .option("--background", "with --local: as a process of its own that outlives this command")
    .option("--local-endpoint [address]", "serve this machine's own programs, too: host:port, host or port (default: 127.0.0.1:8000)")
    .option("--port <number>", "of the endpoint: port to listen on, 0 for any free one", "8000")
    .option("--bind <address>", "of the endpoint: address to listen on", "127.0.0.1")
    .option("--no-auth", "of the endpoint: ask for no key; on 127.0.0.1, ::1 or localhost only")
    .option("--origin <origin>", "of the endpoint: a web origin whose pages may ask; repeatable", repeated, [])
    .option("--host-name <name>", "of the endpoint: a further name by which this machine is called; repeatable", repeated, []);
}

function repeated(value: string, list: string[]): string[] {
  return [...list, value];
}
