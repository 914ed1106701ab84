import { createInterface, emitKeypressEvents, type Key } from "node:readline";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { formatBytes } from "../quantities.js";
import { inTokensPerSecond, type ModelOffer } from "../run/model-offers.js";
import { parseChoice } from "./parse-choice.js";
import { type PickerKey, type PickerRow, pressKey, startPicker } from "./picker-state.js";
import { pickerLines } from "./picker-view.js";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const clearBelow = "\u001b[J";

/**
 * Lets the user choose: with arrows on a terminal, else by numbers that are read from standard input. Nothing of it is written to standard output.
 *
 * @returns names to ask the catalogue for; none when the user left
 */
export async function pickModels(offers: readonly ModelOffer[], signal: AbortSignal): Promise<readonly string[]> {
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  return isTerminal
    ? pickWithKeys(offers.map(asRow), signal)
    : pickByNumber(offers.filter(({ unfit, isHere }) => unfit === undefined || isHere));
}

function asRow({ name, quantization, size_bytes, memory_gib, expected_tps, isHere, unfit, isSuggested }: ModelOffer): PickerRow {
  const label =
    `${name.padEnd(28)} ${quantization.padEnd(8)} ${formatBytes(size_bytes).padStart(8)}  ${`${memory_gib} GiB`.padEnd(8)} ${unfit === undefined ? inTokensPerSecond(expected_tps) : ""}`.trimEnd();
  return { value: name, label, fixed: isHere ? "✓ here" : unfit, isSuggested };
}

function keyOf({ name, ctrl }: Key): PickerKey | undefined {
  if (ctrl === true) return name === "c" || name === "d" ? "leave" : undefined;
  const keys: Readonly<Record<string, PickerKey>> = {
    ...{ up: "up", k: "up", down: "down", j: "down", home: "first", end: "last", space: "toggle", a: "all" },
    ...{ return: "accept", enter: "accept", escape: "leave", q: "leave" },
  };
  return name === undefined || !Object.hasOwn(keys, name) ? undefined : keys[name];
}

function pickWithKeys(rows: readonly PickerRow[], signal: AbortSignal): Promise<readonly string[]> {
  const { stdin, stderr } = process;
  const dim = process.env["NO_COLOR"] ? (text: string) => text : (text: string) => `\u001b[2m${text}\u001b[22m`;
  let state = startPicker(rows);
  let drawn_lines = 0;
  const up = (): string => (drawn_lines > 0 ? `\u001b[${drawn_lines}A\r` : "\r");
  const draw = (): void => {
    const lines = pickerLines(state, { columns: stderr.columns, rows: stderr.rows }, dim);
    stderr.write(`${up()}${clearBelow}${lines.join("\n")}\n`);
    drawn_lines = lines.length;
  };
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      stdin.off("keypress", onKey);
      stderr.off("resize", draw);
      signal.removeEventListener("abort", onAbort);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write(`${up()}${clearBelow}${showCursor}`);
    };
    const onAbort = (): void => {
      finish();
      reject(signal.reason);
    };
    const onKey = (_: string | undefined, key: Key): void => {
      const pressed = keyOf(key);
      if (pressed === undefined) return;
      state = pressKey(state, pressed);
      if (state.end === undefined) {
        draw();
        return;
      }
      finish();
      resolve(rows.map(({ value }) => value).filter((value) => state.checked.has(value)));
    };
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on("keypress", onKey);
    stderr.on("resize", draw);
    signal.addEventListener("abort", onAbort, { once: true });
    stderr.write(hideCursor);
    draw();
  });
}

async function pickByNumber(offers: readonly ModelOffer[]): Promise<readonly string[]> {
  const lines = offers.map((offer, index) => `${String(index + 1).padStart(3)}  ${asRow(offer).label}${offer.isHere ? "  ✓ here" : ""}`);
  process.stderr.write(`${lines.join("\n")}\nWhich ones? Numbers such as 1,3, or all: `);
  const [line] = await firstLine();
  process.stderr.write("\n");
  if (line === undefined) throw new CliError("No model was named.", EXIT_CODES.usage, "Name one: umbel models download <model>");
  return parseChoice(line, offers.length).flatMap((index) => offers[index]?.name ?? []);
}

async function firstLine(): Promise<readonly string[]> {
  const reader = createInterface({ input: process.stdin });
  try {
    for await (const line of reader) return [line];
    return [];
  } finally {
    reader.close();
  }
}
