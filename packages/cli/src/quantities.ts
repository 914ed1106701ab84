const decimalUnits = ["bytes", "kB", "MB", "GB", "TB"] as const;
const countUnits = ["", "K", "M", "B", "T"] as const;

/** `1.5 GB`: powers of a thousand, as disks and downloads are sold. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, decimalUnits, " ");
}

/** `7.6B` of parameters, `128K` of tokens. */
export function formatCount(count: number): string {
  return scaled(count, countUnits, "");
}

/** `0:42`, `1:05:07`. */
export function formatDuration(duration_ms: number): string {
  const seconds = Math.max(0, Math.round(duration_ms / 1000));
  const pad = (number: number): string => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const below = pad(seconds % 60);
  return minutes < 60 ? `${minutes}:${below}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${below}`;
}

function scaled(value: number, units: readonly string[], space: string): string {
  let figure = value;
  let unit = 0;
  // 999.95 is shown as 1000.0, so it belongs to the next unit.
  while (figure >= 999.95 && unit < units.length - 1) {
    figure /= 1000;
    unit++;
  }
  const isWhole = unit === 0 || figure >= 99.95;
  return `${isWhole ? Math.round(figure) : figure.toFixed(1).replace(/\.0$/, "")}${space}${units[unit]}`;
}
