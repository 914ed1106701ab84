/** A line to choose from. */
export interface PickerRow {
  readonly value: string;
  readonly label: string;
  /** Why it cannot be chosen, or that it need not be; absent where it can. */
  readonly fixed: string | undefined;
  readonly isSuggested: boolean;
}

/** What is on the screen: a pure value that keys change. */
export interface PickerState {
  readonly rows: readonly PickerRow[];
  readonly cursor: number;
  readonly checked: ReadonlySet<string>;
  readonly end: "chosen" | "left" | undefined;
}

export type PickerKey = "up" | "down" | "first" | "last" | "toggle" | "all" | "accept" | "leave";

/** The cursor begins on what is suggested. */
export function startPicker(rows: readonly PickerRow[]): PickerState {
  const suggested = rows.findIndex(({ isSuggested }) => isSuggested);
  return { rows, cursor: Math.max(0, suggested), checked: new Set(), end: undefined };
}

export function pressKey(state: PickerState, key: PickerKey): PickerState {
  const { rows, cursor, checked } = state;
  const last = Math.max(0, rows.length - 1);
  switch (key) {
    case "up":
      return { ...state, cursor: cursor === 0 ? last : cursor - 1 };
    case "down":
      return { ...state, cursor: cursor >= last ? 0 : cursor + 1 };
    case "first":
      return { ...state, cursor: 0 };
    case "last":
      return { ...state, cursor: last };
    case "toggle":
      return { ...state, checked: toggled(checked, choosable([rows[cursor]])) };
    case "all": {
      const every = choosable(rows);
      return { ...state, checked: new Set(checked.size === every.length ? [] : every) };
    }
    case "accept":
      // Whoever marks nothing means the line they are on.
      return { ...state, checked: checked.size > 0 ? checked : new Set(choosable([rows[cursor]])), end: "chosen" };
    case "leave":
      return { ...state, checked: new Set(), end: "left" };
  }
}

function choosable(rows: readonly (PickerRow | undefined)[]): string[] {
  return rows.flatMap((row) => (row === undefined || row.fixed !== undefined ? [] : [row.value]));
}

function toggled(checked: ReadonlySet<string>, values: readonly string[]): ReadonlySet<string> {
  const next = new Set(checked);
  for (const value of values) if (!next.delete(value)) next.add(value);
  return next;
}
