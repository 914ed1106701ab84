import type { PickerState } from "./picker-state.js";

/** Lines of the frame that are no rows. */
const frame_lines = 3;
const rows_min = 3;

/**
 * The picker as lines of text, no longer and no more than the screen holds.
 *
 * @param dim makes a text less bright, where the terminal can
 */
export function pickerLines(
  state: PickerState,
  screen: { readonly columns: number; readonly rows: number },
  dim: (text: string) => string,
): string[] {
  const visible = Math.max(rows_min, screen.rows - frame_lines - 1);
  const from = Math.max(0, Math.min(state.cursor - Math.floor(visible / 2), state.rows.length - visible));
  const shown = state.rows.slice(from, from + visible).map((row, index) => {
    const pointer = from + index === state.cursor ? "❯" : " ";
    const mark = row.fixed === undefined ? (state.checked.has(row.value) ? "◉" : "◯") : " ";
    const note = row.fixed ?? (row.isSuggested ? "suggested" : "");
    const line = `${pointer} ${mark} ${row.label}${note === "" ? "" : `  ${note}`}`.slice(0, screen.columns - 1);
    return row.fixed === undefined ? line : dim(line);
  });
  const hidden = state.rows.length - shown.length;
  return [
    "Which models should this machine have?",
    ...shown,
    dim(`${hidden > 0 ? `${hidden} more · ` : ""}↑↓ move · space mark · a all · enter download · esc leave`.slice(0, screen.columns - 1)),
  ];
}
