import { describe, expect, it } from "vitest";
import { parseChoice } from "./parse-choice.js";
import { type PickerKey, type PickerState, pressKey, startPicker } from "./picker-state.js";
import { pickerLines } from "./picker-view.js";

const row = (value: string, fixed?: string, isSuggested = false) => ({ value, label: value, fixed, isSuggested });
const rows = [row("here", "✓ here"), row("small"), row("large", undefined, true), row("huge", "needs 64 GiB")];
const press = (...keys: PickerKey[]): PickerState => keys.reduce(pressKey, startPicker(rows));

describe("the picker", () => {
  it.each<[PickerKey[], string[], PickerState["end"]]>([
    [["toggle", "up", "toggle", "accept"], ["large", "small"], "chosen"],
    [["accept"], ["large"], "chosen"],
    [["toggle", "toggle", "up", "accept"], ["small"], "chosen"],
    [["first", "accept"], [], "chosen"],
    [["last", "toggle"], [], undefined],
    [["down", "down", "down", "toggle"], ["small"], undefined],
    [["up", "up", "up", "up", "toggle"], ["large"], undefined],
    [["all"], ["small", "large"], undefined],
    [["all", "all"], [], undefined],
    [["toggle", "leave"], [], "left"],
  ])("after %j has marked %j", (keys, checked, end) => {
    const state = press(...keys);
    expect([...state.checked]).toEqual(checked);
    expect(state.end).toBe(end);
  });

  it("survives a list of nothing", () => {
    const keys: PickerKey[] = ["up", "down", "toggle", "all", "accept"];
    expect(keys.reduce(pressKey, startPicker([]))).toMatchObject({ checked: new Set(), end: "chosen" });
  });

  it("shows marks, notes and no more than the screen holds", () => {
    const plain = (text: string) => text;
    expect(pickerLines(press("toggle"), { columns: 80, rows: 24 }, plain)).toEqual([
      "Which models should this machine have?",
      "    here  ✓ here",
      "  ◯ small",
      "❯ ◉ large  suggested",
      "    huge  needs 64 GiB",
      "↑↓ move · space mark · a all · enter download · esc leave",
    ]);
    const long = startPicker(Array.from({ length: 50 }, (_, index) => row(`model ${index} ${"x".repeat(90)}`)));
    const lines = pickerLines(["last" as const].reduce(pressKey, long), { columns: 40, rows: 10 }, plain);
    expect(lines.length).toBeLessThan(10);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(40);
    expect(lines.at(-2)).toContain("model 49");
    expect(lines.at(-1)).toContain("44 more");
  });
});

describe("numbers in place of keys", () => {
  it.each([
    ["1,3", [0, 2]],
    ["2-4 1", [0, 1, 2, 3]],
    ["all", [0, 1, 2, 3]],
    ["", []],
  ])("%j are %j", (text, places) => expect(parseChoice(text, 4)).toEqual(places));

  it.each(["0", "5", "3-2", "x", "1;2", "-1"])("%j is refused", (text) => {
    expect(() => parseChoice(text, 4)).toThrow(expect.objectContaining({ name: "CliError", exitCode: 2 }));
  });
});
