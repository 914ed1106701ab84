import { describe, expect, it } from "vitest";
import type { DeviceMemory, Memory, MemoryNeed } from "../engine/index.js";
import {
  DEVICE_RESERVE_BYTES,
  fittingShape,
  freeForLoad_bytes,
  hardCap_bytes,
  lacks,
  measuredMemory,
  needBySize,
  type Residents,
  type Room,
  SYSTEM_RESERVE_BYTES,
} from "./room.js";

const GiB = 2 ** 30;
const ram = (ram_bytes: number): Memory => ({ ram_bytes, vram_bytes: 0 });
const vram = (vram_bytes: number): Memory => ({ ram_bytes: 0, vram_bytes });
const NONE: Residents = { count: 0, idleCount: 0, memory: ram(0), idleMemory: ram(0) };
const ONE_BUSY: Residents = { count: 1, idleCount: 0, memory: ram(120), idleMemory: ram(0) };
const ONE_IDLE: Residents = { count: 1, idleCount: 1, memory: ram(120), idleMemory: ram(120) };

interface Change {
  readonly models_max?: number;
  readonly memory_bytes_max?: number;
  readonly reserve_bytes?: number;
  readonly available?: number;
  readonly total?: number;
  readonly device?: DeviceMemory;
}
const room = ({ models_max = 64, memory_bytes_max, reserve_bytes, available, total = 1024 * GiB, device }: Change = {}): Room => ({
  ...{ models_max, memory_bytes_max, reserve_bytes, device },
  machine: () => (available === undefined ? undefined : { total_bytes: total, available_bytes: available }),
});

describe("room for a model", () => {
  it("ends with the number of models, whatever memory there is", () => {
    expect(lacks(ram(1), ONE_IDLE, room({ models_max: 1 }))).toBe("slot");
    expect(lacks(ram(1), NONE, room({ models_max: 1 }))).toBeUndefined();
  });

  it("ends with the memory that the operator grants", () => {
    expect(lacks(ram(120), NONE, room({ memory_bytes_max: 120 }))).toBeUndefined();
    expect(lacks(ram(121), NONE, room({ memory_bytes_max: 120 }))).toBe("memory");
    expect(lacks(ram(2), ONE_BUSY, room({ memory_bytes_max: 121 }))).toBe("memory");
    expect(lacks(vram(2), ONE_BUSY, room({ memory_bytes_max: 121, device: { free_bytes: GiB, isUnified: false } }))).toBe("memory");
  });

  it("ends with what the system can give, less what is left to the system", () => {
    const available = SYSTEM_RESERVE_BYTES + 120;
    expect(lacks(ram(120), NONE, room({ available }))).toBeUndefined();
    expect(lacks(ram(121), NONE, room({ available }))).toBe("memory");
    expect(lacks(ram(60), NONE, room({ available, memory_bytes_max: 50 }))).toBe("memory");
  });

  it("ends with what the operator wants left free, of what there is and of what is free now", () => {
    const at = (available: number, reserve: number) => room({ total: 16 * GiB, available: available * GiB, reserve_bytes: reserve * GiB });
    expect(lacks(ram(6 * GiB), NONE, at(10, 4))).toBeUndefined();
    expect(lacks(ram(6 * GiB + 1), NONE, at(10, 4))).toBe("memory");
    expect(lacks(ram(8 * GiB), NONE, at(16, 8))).toBeUndefined();
    expect(lacks(ram(8 * GiB + 1), NONE, at(16, 8))).toBe("memory");
    // Less than what is left to the system by itself changes nothing.
    expect(lacks(ram(9.5 * GiB + 1), NONE, at(10, 0.1))).toBe("memory");
  });

  it("ends with a share of the whole machine, however much is free", () => {
    expect(hardCap_bytes(64 * GiB)).toBeCloseTo(57.6 * GiB);
    expect(hardCap_bytes(16 * GiB)).toBe(14 * GiB);
    expect(hardCap_bytes(2 * GiB)).toBe(GiB);
    const wide = { total: 16 * GiB, available: 16 * GiB };
    expect(lacks(ram(14 * GiB), NONE, room(wide))).toBeUndefined();
    expect(lacks(ram(14 * GiB + 1), NONE, room(wide))).toBe("memory");
    expect(lacks(ram(4 * GiB), { ...ONE_BUSY, memory: ram(11 * GiB) }, room(wide))).toBe("memory");
  });

  it("is reckoned for each memory alone where the graphics card has its own, and together where it has not", () => {
    const need = { ram_bytes: 1 * GiB, vram_bytes: 6 * GiB };
    const card = (free_bytes: number, isUnified: boolean) => room({ available: 4 * GiB, device: { free_bytes, isUnified } });
    expect(lacks(need, NONE, card(8 * GiB, false))).toBeUndefined();
    expect(lacks(need, NONE, card(6 * GiB + DEVICE_RESERVE_BYTES - 1, false))).toBe("memory");
    expect(lacks(need, NONE, card(8 * GiB, true))).toBe("memory");
    expect(lacks({ ram_bytes: GiB, vram_bytes: 2 * GiB }, NONE, card(8 * GiB, true))).toBeUndefined();
  });

  it("is reported as it is once idle models are put away, and as none while those at work take every place", () => {
    expect(freeForLoad_bytes(NONE, room())).toBeUndefined();
    expect(freeForLoad_bytes(ONE_IDLE, room({ memory_bytes_max: 300 }))).toBe(300);
    expect(freeForLoad_bytes(ONE_BUSY, room({ memory_bytes_max: 300 }))).toBe(180);
    expect(freeForLoad_bytes(ONE_IDLE, room({ available: SYSTEM_RESERVE_BYTES }))).toBe(120);
    expect(freeForLoad_bytes(ONE_BUSY, room({ available: 0 }))).toBe(0);
    expect(freeForLoad_bytes(ONE_BUSY, room({ models_max: 1 }))).toBe(0);
    const device = { free_bytes: DEVICE_RESERVE_BYTES + 1000, isUnified: false };
    expect(freeForLoad_bytes(ONE_IDLE, room({ available: SYSTEM_RESERVE_BYTES, device }))).toBe(1120);
  });
});

describe("the shape of a load", () => {
  const need: MemoryNeed = { fixed: ram(1000), perSequence: ram(10), perToken: ram(1) };
  const wanted = { sequences: 4, contextLength_tokens: 8192 };
  const shapeIn = (memory_bytes_max: number) => fittingShape(need, wanted, NONE, room({ memory_bytes_max }));

  it("is as wanted where that fits, else has fewer sequences, else a shorter context, down to where it is of no use", () => {
    expect(shapeIn(1000 + 4 * (10 + 8192))).toEqual(wanted);
    expect(shapeIn(1000 + 3 * (10 + 8192))).toEqual({ sequences: 3, contextLength_tokens: 8192 });
    expect(shapeIn(1000 + 10 + 8191)).toEqual({ sequences: 1, contextLength_tokens: 4096 });
    expect(shapeIn(1000 + 10 + 2048)).toEqual({ sequences: 1, contextLength_tokens: 2048 });
    expect(shapeIn(1000 + 10 + 2047)).toBeUndefined();
  });

  it("is unknown to a model that tells nothing: a fifth more than its files", () => {
    expect(fittingShape(needBySize(100), wanted, NONE, room({ memory_bytes_max: 120 }))).toEqual(wanted);
    expect(fittingShape(needBySize(101), wanted, NONE, room({ memory_bytes_max: 120 }))).toBeUndefined();
  });
});

describe("a model in memory", () => {
  it("counts with what was allocated, and with what the process has grown by up to half as much again", () => {
    expect(measuredMemory({ ram_bytes: 100, vram_bytes: 50 }, 80)).toEqual({ ram_bytes: 100, vram_bytes: 50 });
    expect(measuredMemory(ram(100), 120)).toEqual(ram(120));
    expect(measuredMemory(ram(100), 900)).toEqual(ram(150));
  });
});
