import { createConnection, type Socket } from "node:net";
import path from "node:path";
import { z } from "zod";
import { ControlError } from "./control-error.js";
import { controlPath } from "./control-path.js";
import { readLine } from "./lines.js";

const reply = z.union([z.object({ answer: z.unknown(), error: z.undefined().optional() }), z.object({ error: z.string() })]);

/**
 * Asks the provider that runs on a home.
 *
 * @param ask name of the question, as the provider's control knows it
 * @returns its answer, as JSON
 * @throws ControlError `not_running`, `no_answer` (it runs and does not answer), `refused` (with what it said)
 */
export async function askProvider(home: string, ask: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  const socket = await connect(home);
  socket.write(`${JSON.stringify({ ...parameters, ask })}\n`);
  const line = await readLine(socket).catch((cause: unknown) => {
    throw new ControlError("no_answer", `The provider on ${path.resolve(home)} runs but does not answer.`, { cause });
  });
  socket.destroy();
  const parsed = reply.parse(JSON.parse(line));
  if (parsed.error !== undefined) throw new ControlError("refused", parsed.error);
  return "answer" in parsed ? parsed.answer : undefined;
}

function connect(home: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(controlPath(home));
    socket.once("connect", () => resolve(socket));
    socket.once("error", (cause) => {
      reject(new ControlError("not_running", `No provider runs on ${path.resolve(home)}.`, { cause }));
    });
  });
}
