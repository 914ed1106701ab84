import { inOrder, type SpilledLine, type SpillFile } from "../../spill-file.js";
import type { Settlement } from "../../types.js";
import type { Process } from "./process.js";

/** What survives a process: lines that were written whole, and those that a crash has torn. */
export class Disk {
  lines: SpilledLine[] = [];

  /** @param ever requests with a line, now or before */
  constructor(private readonly ever: Set<string>) {}

  /** The file as one process reaches it, with a gate before every write, in the order in which the real file does them. */
  file(process: Process): SpillFile {
    return inOrder({
      append: (settlement: Settlement) =>
        process.ask("spill", async () => {
          this.lines.push({ settlement });
          this.ever.add(settlement.requestId);
        }),
      read: () => process.ask("read spill", async () => [...this.lines]),
      clear: () =>
        process.ask("clear spill", async () => {
          this.lines = [];
        }),
    });
  }
}
