import type { DownloadProgress } from "@umbel/provider";
import { formatBytes, formatDuration } from "./quantities.js";

/** A line on a terminal that shows how far a download is; nothing where there is no terminal. */
export interface ProgressLine {
  update(progress: DownloadProgress): void;
  clear(): void;
}

interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Between two looks of the line. */
const redraw_ms = 250;
/** Over which the speed is measured. */
const speed_ms = 10_000;
const bar_chars = 24;

/** @param now_ms monotonic */
export function createProgressLine(
  name: string,
  screen: Screen = process.stderr,
  now_ms: () => number = () => performance.now(),
): ProgressLine {
  let drawnAt_ms = Number.NEGATIVE_INFINITY;
  let isDrawn = false;
  const seen: { at_ms: number; done_bytes: number }[] = [];
  return {
    update({ done_bytes, total_bytes }) {
      if (screen.isTTY !== true || total_bytes === 0) return;
      const at_ms = now_ms();
      if (at_ms - drawnAt_ms < redraw_ms) return;
      drawnAt_ms = at_ms;
      seen.push({ at_ms, done_bytes });
      while (seen.length > 2 && at_ms - (seen[0]?.at_ms ?? 0) > speed_ms) seen.shift();
      screen.write(`\r\u001b[2K${progressText(name, { done_bytes, total_bytes }, speedOf(seen)).slice(0, (screen.columns ?? 80) - 1)}`);
      isDrawn = true;
    },
    clear() {
      if (isDrawn) screen.write("\r\u001b[2K");
      isDrawn = false;
    },
  };
}

function speedOf(seen: readonly { at_ms: number; done_bytes: number }[]): number {
  const [first, last] = [seen[0], seen.at(-1)];
  if (first === undefined || last === undefined || last.at_ms <= first.at_ms) return 0;
  return ((last.done_bytes - first.done_bytes) / (last.at_ms - first.at_ms)) * 1000;
}

function progressText(name: string, { done_bytes, total_bytes }: DownloadProgress, bytes_per_s: number): string {
  const share = Math.min(1, done_bytes / total_bytes);
  const full = Math.floor(share * bar_chars);
  const bar = `${"█".repeat(full)}${"░".repeat(bar_chars - full)}`;
  const rest =
    bytes_per_s > 0 ? `  ${formatBytes(bytes_per_s)}/s  ${formatDuration(((total_bytes - done_bytes) / bytes_per_s) * 1000)} left` : "";
  return `${name}  ${bar} ${Math.floor(share * 100)
    .toString()
    .padStart(3)}%  ${formatBytes(done_bytes)} of ${formatBytes(total_bytes)}${rest}`;
}
