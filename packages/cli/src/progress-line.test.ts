import { expect, it } from "vitest";
import { createProgressLine } from "./progress-line.js";

function screenOf(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 120, write: (text: string) => written.push(text) };
}

it("shows how far, how fast and how long, four times a second at most", () => {
  const screen = screenOf(true);
  let now_ms = 0;
  const line = createProgressLine("oak", screen, () => now_ms);
  line.update({ done_bytes: 0, total_bytes: 4_000_000 });
  now_ms = 100;
  line.update({ done_bytes: 500_000, total_bytes: 4_000_000 });
  now_ms = 1000;
  line.update({ done_bytes: 1_000_000, total_bytes: 4_000_000 });
  line.clear();
  expect(screen.written).toEqual([
    "\r\u001b[2Koak  ░░░░░░░░░░░░░░░░░░░░░░░░   0%  0 bytes of 4 MB",
    "\r\u001b[2Koak  ██████░░░░░░░░░░░░░░░░░░  25%  1 MB of 4 MB  1 MB/s  0:03 left",
    "\r\u001b[2K",
  ]);
});

it("says nothing where there is no terminal", () => {
  const screen = screenOf(false);
  const line = createProgressLine("oak", screen);
  line.update({ done_bytes: 1, total_bytes: 2 });
  line.clear();
  expect(screen.written).toEqual([]);
});
