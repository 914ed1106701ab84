import { execFile } from "node:child_process";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import type { Answer, Step } from "./service-form.js";

/** Runs a command of the system. Tests give one that only writes down what it was asked. */
export type Runner = (command: readonly string[]) => Promise<Answer>;

/** Stopping a provider lets running answers finish, which is the longest that any of these takes. */
const COMMAND_ms_max = 700_000;
const OUTPUT_bytes_max = 2 ** 20;

export const systemRunner: Runner = ([file = "", ...args]) =>
  new Promise((resolve) => {
    execFile(file, args, { timeout: COMMAND_ms_max, maxBuffer: OUTPUT_bytes_max, windowsHide: true }, (error, stdout, stderr) => {
      if (error === null) resolve({ code: 0, stdout, stderr });
      else resolve({ code: typeof error.code === "number" ? error.code : error.code === "ENOENT" ? undefined : 1, stdout, stderr });
    });
  });

/** @throws CliError at the first that fails and is not optional, with what it said */
export async function runSteps(steps: readonly Step[], run: Runner): Promise<void> {
  for (const { command, isOptional = false } of steps) {
    const { code, stdout, stderr } = await run(command);
    if (code === 0 || isOptional) continue;
    const said = `${stderr}\n${stdout}`.trim();
    throw new CliError(
      `${command.join(" ")} failed${said === "" ? "" : `: ${said}`}.`,
      EXIT_CODES.failure,
      "Run it by hand to see more; umbel provider start works without a service.",
    );
  }
}
