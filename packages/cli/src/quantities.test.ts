import { expect, it } from "vitest";
import { formatBytes, formatCount, formatDuration } from "./quantities.js";

it.each([
  [0, "0 bytes"],
  [999, "999 bytes"],
  [999_960, "1 MB"],
  [1500, "1.5 kB"],
  [4_920_000_000, "4.9 GB"],
  [123_456_789_000, "123 GB"],
])("%d bytes are %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it.each([
  [7_615_616_512, "7.6B"],
  [2_996_736, "3M"],
  [131_072, "131K"],
])("%d are %s", (count, text) => expect(formatCount(count)).toBe(text));

it.each([
  [41_600, "0:42"],
  [3_907_000, "1:05:07"],
  [-1, "0:00"],
])("%d ms are %s", (duration_ms, text) => expect(formatDuration(duration_ms)).toBe(text));
