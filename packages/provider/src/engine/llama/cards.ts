import type { GraphicsCard } from "../engine.js";

/** What llama.cpp says of its devices. */
interface Devices {
  readonly api: GraphicsCard["api"];
  readonly names: readonly string[];
  /** Of all of them together; llama.cpp does not tell them apart. */
  readonly total_bytes: number;
  /** What of that is the machine's own memory. */
  readonly unified_bytes: number;
}

/** The cards with memory of their own. One that shares the machine's adds none, and is reckoned with that. */
export function graphicsCards({ api, names, total_bytes, unified_bytes }: Devices): readonly GraphicsCard[] {
  const own_bytes = total_bytes - unified_bytes;
  if (names.length === 0 || own_bytes <= 0) return [];
  return names.map((name) => ({ name, api, memory_bytes: Math.floor(own_bytes / names.length) }));
}
