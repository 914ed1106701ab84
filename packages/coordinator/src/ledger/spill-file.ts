import { mkdir, open, readFile } from "node:fs/promises";
import path from "node:path";
import { usage } from "@umbel/protocol";
import { z } from "zod";
import type { Settlement } from "./types.js";

const microUsd = z.string().regex(/^\d{1,16}$/);
const line = z.object({
  request_id: z.string(),
  attempt: z.int().min(0).optional(),
  own_prices: z.object({ input_micro_usd: microUsd, output_micro_usd: microUsd }).optional(),
  usage,
  served_by: z.object({ session_id: z.string(), machine_id: z.string(), account_id: z.string().optional() }),
  reason: z.enum(["complete", "cancelled", "provider_lost", "no_terminal_after_cancel", "timeout", "slow_consumer"]),
  received_at: z.iso.datetime(),
});

export type SpilledLine = { readonly settlement: Settlement } | { readonly unreadable: string };

/** Settlements that the database has not taken yet, one JSON line each, safe on disk when `append` resolves. */
export interface SpillFile {
  append(settlement: Settlement, receivedAt: Date): Promise<void>;
  /** What an earlier process left behind. */
  read(): Promise<readonly SpilledLine[]>;
  /** Empties the file. Only when nothing in it is needed any more. */
  clear(): Promise<void>;
}

/** @param file created with its directory at the first line */
export function createSpillFile(file: string): SpillFile {
  return inOrder({
    // The line break before it keeps it apart from a line that a crash has torn.
    append: (settlement, receivedAt) => writeDurably(file, "a", `\n${JSON.stringify(lineOf(settlement, receivedAt))}\n`),
    read: () => readLines(file),
    clear: () => writeDurably(file, "w", ""),
  });
}

/** One operation after the other, as they were asked for: a line that is written after the file was to be emptied stays in it. */
export function inOrder({ append, read, clear }: SpillFile): SpillFile {
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(operation: () => Promise<T>): Promise<T> {
    const result = last.then(operation, operation);
    last = result.catch(() => undefined);
    return result;
  }
  return {
    append: (settlement, receivedAt) => inTurn(() => append(settlement, receivedAt)),
    read: () => inTurn(read),
    clear: () => inTurn(clear),
  };
}

async function writeDurably(file: string, flags: "a" | "w", text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const handle = await open(file, flags, 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readLines(file: string): Promise<readonly SpilledLine[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  return text
    .split("\n")
    .filter((entry) => entry !== "")
    .map(parseLine);
}

function parseLine(text: string): SpilledLine {
  try {
    const { request_id, attempt, own_prices: own, usage, served_by, reason } = line.parse(JSON.parse(text));
    const servedBy = { sessionId: served_by.session_id, machineId: served_by.machine_id, accountId: served_by.account_id };
    const ownPrices = own && { input_microUsd: BigInt(own.input_micro_usd), output_microUsd: BigInt(own.output_micro_usd) };
    return {
      settlement: {
        ...{ requestId: request_id, usage, servedBy, reason },
        ...(attempt === undefined ? {} : { attempt }),
        ...(ownPrices === undefined ? {} : { ownPrices }),
      },
    };
  } catch {
    // Torn by a crash while it was written, or not ours: kept for a person to look at.
    return { unreadable: text };
  }
}

/** A settlement as it is kept until it is booked. */
export function lineOf(
  { requestId, attempt, ownPrices: own, usage, servedBy, reason }: Settlement,
  receivedAt: Date,
): z.input<typeof line> {
  const { sessionId, machineId, accountId } = servedBy;
  return {
    request_id: requestId,
    ...(attempt === undefined ? {} : { attempt }),
    ...(own === undefined
      ? {}
      : { own_prices: { input_micro_usd: own.input_microUsd.toString(), output_micro_usd: own.output_microUsd.toString() } }),
    usage,
    served_by: { session_id: sessionId, machine_id: machineId, ...(accountId === undefined ? {} : { account_id: accountId }) },
    reason,
    received_at: receivedAt.toISOString(),
  };
}
