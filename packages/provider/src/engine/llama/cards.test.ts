import { expect, it } from "vitest";
import { graphicsCards } from "./cards.js";

const GiB = 2 ** 30;

it.each([
  ["one", ["NVIDIA GeForce RTX 4090"], 24 * GiB, 0, [24]],
  ["two, of which it knows the sum", ["A", "B"], 48 * GiB, 0, [24, 24]],
  ["one that shares the machine's memory", ["Intel Iris"], 16 * GiB, 16 * GiB, []],
  ["none", [], 0, 0, []],
])("tells of %s", (_, names, total_bytes, unified_bytes, memory_gib) => {
  const cards = graphicsCards({ api: "vulkan", names, total_bytes, unified_bytes });
  expect(cards.map(({ memory_bytes }) => memory_bytes / GiB)).toEqual(memory_gib);
  expect(cards.map(({ name, api }) => [name, api])).toEqual(memory_gib.map((_gib, index) => [names[index], "vulkan"]));
});
