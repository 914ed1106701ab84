/** Memory of a machine's two kinds, in bytes. Where the graphics card has none of its own, both are taken from the same. */
export interface Memory {
  readonly ram_bytes: number;
  readonly vram_bytes: number;
}

/** What a model takes in memory, by how it is loaded. */
export interface MemoryNeed {
  /** Weights, and the buffers in which one step is computed. */
  readonly fixed: Memory;
  /** Of each sequence, whatever its context: attention windows, recurrent state, logits. */
  readonly perSequence: Memory;
  /** Key-value cache of one token of one sequence's context. */
  readonly perToken: Memory;
}

/** How a model is loaded, as far as memory goes. */
export interface LoadShape {
  readonly sequences: number;
  readonly contextLength_tokens: number;
}

/** Memory of the graphics card. */
export interface DeviceMemory {
  readonly free_bytes: number;
  /** It is the machine's own memory. */
  readonly isUnified: boolean;
}

export const noMemory: Memory = { ram_bytes: 0, vram_bytes: 0 };

export function sum(...parts: readonly Memory[]): Memory {
  return {
    ram_bytes: parts.reduce((total, { ram_bytes }) => total + ram_bytes, 0),
    vram_bytes: parts.reduce((total, { vram_bytes }) => total + vram_bytes, 0),
  };
}

export function times({ ram_bytes, vram_bytes }: Memory, factor: number): Memory {
  return { ram_bytes: ram_bytes * factor, vram_bytes: vram_bytes * factor };
}

export function total_bytes({ ram_bytes, vram_bytes }: Memory): number {
  return ram_bytes + vram_bytes;
}

/** What a model takes when it is loaded like this. */
export function memoryOf({ fixed, perSequence, perToken }: MemoryNeed, { sequences, contextLength_tokens }: LoadShape): Memory {
  return sum(fixed, times(perSequence, sequences), times(perToken, sequences * contextLength_tokens));
}

export function scaled({ fixed, perSequence, perToken }: MemoryNeed, factor: number): MemoryNeed {
  return { fixed: times(fixed, factor), perSequence: times(perSequence, factor), perToken: times(perToken, factor) };
}
