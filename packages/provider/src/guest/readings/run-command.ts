import { execFile } from "node:child_process";

/** Runs a program of the operating system and returns what it printed; undefined when it is not there, fails or takes too long. */
export type RunCommand = (program: string, args: readonly string[]) => Promise<string | undefined>;

/** Such programs answer in milliseconds; one that hangs must not keep a reading waiting. */
const TIMEOUT_ms = 5_000;
const OUTPUT_bytes_max = 1_000_000;

export const runSystemCommand: RunCommand = (program, args) =>
  new Promise((resolve) => {
    const options = { timeout: TIMEOUT_ms, maxBuffer: OUTPUT_bytes_max, windowsHide: true, killSignal: "SIGKILL" as const };
    execFile(program, [...args], options, (error, stdout) => resolve(error === null ? stdout : undefined));
  });
