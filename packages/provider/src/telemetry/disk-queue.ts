import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type TelemetryEvent, telemetryEvent } from "@umbel/protocol";
import { REPORTER_LIMITS } from "./limits.js";

/**
 * Events that could not be told, a line each, until they can. Written without waiting, because a process that is about to end cannot wait. A disk
 * that takes nothing loses events, and nothing else.
 */
export interface DiskQueue {
  add(events: readonly TelemetryEvent[]): void;
  readonly isEmpty: boolean;
  /** The oldest, as many as one request may bring. What cannot be read is left out. */
  first(): readonly TelemetryEvent[];
  /** Takes off what `first` has given. */
  removeFirst(): void;
}

export function createDiskQueue(home: string): DiskQueue {
  const file = path.join(home, "telemetry-queue.jsonl");
  /** Lines that the last `first` has looked at. */
  let looked = 0;

  function lines(): string[] {
    try {
      return readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== "");
    } catch {
      return [];
    }
  }

  function rewrite(kept: readonly string[]): void {
    looked = 0;
    try {
      if (kept.length === 0) {
        rmSync(file, { force: true });
        return;
      }
      writeFileSync(`${file}.new`, `${kept.join("\n")}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    } catch {
      // A full disk: what is there stays as it is.
    }
  }

  function size_bytes(): number {
    try {
      return statSync(file).size;
    } catch {
      return 0;
    }
  }

  return {
    get isEmpty() {
      return size_bytes() === 0;
    },
    add(events) {
      try {
        mkdirSync(home, { recursive: true, mode: 0o700 });
        appendFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(""), { mode: 0o600 });
      } catch {
        return;
      }
      if (size_bytes() <= REPORTER_LIMITS.disk_bytes_max) return;
      const all = lines();
      rewrite(all.slice(Math.ceil(all.length / 2)));
    },
    first() {
      const events: TelemetryEvent[] = [];
      let characters = 0;
      looked = 0;
      for (const line of lines()) {
        characters += line.length;
        if (events.length > 0 && (events.length === REPORTER_LIMITS.batch_max || characters > REPORTER_LIMITS.batch_characters_max)) break;
        looked += 1;
        const event = telemetryEvent.safeParse(parsed(line));
        if (event.success) events.push(event.data);
      }
      return events;
    },
    removeFirst() {
      if (looked > 0) rewrite(lines().slice(looked));
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
