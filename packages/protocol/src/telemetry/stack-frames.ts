import { TELEMETRY_LIMITS } from "./limits.js";

/** `    at name (place:line:column)`, or without a name, as V8 writes them. */
const FRAME = /^\s*at (?:(?:async )?([\w$.<>[\] ]{1,100}) \()?(?:file:\/\/)?([^()\s]{1,512}):(\d{1,7}):(\d{1,7})\)?$/;

/**
 * The frames of a stack, a line each, without what stands above them, which is the error's own text, and without the folders of this machine.
 * Whatever does not look like a frame is left out, also when it was made of frames before.
 */
export function stackFrames(stack: string): string {
  const frames = stack.split("\n").flatMap((line) => {
    const [, name, place, row, column] = FRAME.exec(line) ?? [];
    return place === undefined ? [] : [`at ${name ?? "unnamed"} (${shortened(place)}:${row}:${column})`];
  });
  return frames.slice(0, TELEMETRY_LIMITS.frames_max).join("\n").slice(0, TELEMETRY_LIMITS.stack_characters_max);
}

/** From the package on, or the last part alone: who owns a machine is in the others. */
function shortened(place: string): string {
  const path = place.replaceAll("\\", "/");
  return /(?:^|\/)((?:packages|node_modules|node:).*)$/.exec(path)?.[1] ?? path.slice(path.lastIndexOf("/") + 1);
}
