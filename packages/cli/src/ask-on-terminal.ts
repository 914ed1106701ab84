import { createInterface } from "node:readline";
import { CliError, EXIT_CODES } from "./exit-codes.js";

/**
 * Asks whoever sits at the terminal; the question goes to standard error, so that standard output stays what the command is for.
 *
 * @returns the answer; empty when the input has ended
 * @throws CliError (interrupted) on Ctrl-C
 */
export function askOnTerminal(
  question: string,
  { input, output }: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream } = {
    input: process.stdin,
    output: process.stderr,
  },
): Promise<string> {
  const terminal = createInterface({ input, output });
  const answer = new Promise<string>((resolve, reject) => {
    terminal.once("SIGINT", () => reject(new CliError("Interrupted.", EXIT_CODES.interrupted)));
    terminal.once("close", () => resolve(""));
    terminal.question(question, resolve);
  });
  return answer.finally(() => terminal.close());
}
