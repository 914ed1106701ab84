/** Plays the batches that `parallel.ts` sends it. */
import { type Range, simulateMoney } from "./simulate.js";

process.on("message", (batch: Range) => {
  simulateMoney(batch).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
// Whoever gave the batches has no more; what still waits here waits for nobody.
process.on("disconnect", () => process.exit(0));
