import { describe, expect, it } from "vitest";
import { freeForLoad_bytes, lacks, type Residents, SYSTEM_RESERVE_BYTES } from "./room.js";

const NONE: Residents = { count: 0, idleCount: 0, size_bytes: 0, idle_bytes: 0 };
const ONE_BUSY: Residents = { count: 1, idleCount: 0, size_bytes: 100, idle_bytes: 0 };
const ONE_IDLE: Residents = { count: 1, idleCount: 1, size_bytes: 100, idle_bytes: 100 };
const limits = (change: { models_max?: number; memory_bytes_max?: number; available?: number } = {}) => ({
  models_max: change.models_max ?? 64,
  memory_bytes_max: change.memory_bytes_max,
  available_bytes: () => change.available,
});

describe("room for a model", () => {
  it("ends with the number of models, whatever memory there is", () => {
    expect(lacks(1, ONE_IDLE, limits({ models_max: 1 }))).toBe("slot");
    expect(lacks(1, NONE, limits({ models_max: 1 }))).toBeUndefined();
  });

  it("ends with the memory that the operator grants, of which a model takes a fifth more than its files", () => {
    expect(lacks(100, NONE, limits({ memory_bytes_max: 120 }))).toBeUndefined();
    expect(lacks(101, NONE, limits({ memory_bytes_max: 120 }))).toBe("memory");
    expect(lacks(1, ONE_BUSY, limits({ memory_bytes_max: 121 }))).toBe("memory");
  });

  it("ends with what the system can give, less what is left to the system", () => {
    const available = SYSTEM_RESERVE_BYTES + 120;
    expect(lacks(100, NONE, limits({ available }))).toBeUndefined();
    expect(lacks(101, NONE, limits({ available }))).toBe("memory");
    expect(lacks(50, NONE, limits({ available, memory_bytes_max: 50 }))).toBe("memory");
  });

  it("is reported as it is once idle models are put away, and as none while those at work take every place", () => {
    expect(freeForLoad_bytes(NONE, limits())).toBeUndefined();
    expect(freeForLoad_bytes(ONE_IDLE, limits({ memory_bytes_max: 300 }))).toBe(300);
    expect(freeForLoad_bytes(ONE_BUSY, limits({ memory_bytes_max: 300 }))).toBe(180);
    expect(freeForLoad_bytes(ONE_IDLE, limits({ available: SYSTEM_RESERVE_BYTES }))).toBe(120);
    expect(freeForLoad_bytes(ONE_BUSY, limits({ available: 0 }))).toBe(0);
    expect(freeForLoad_bytes(ONE_BUSY, limits({ models_max: 1 }))).toBe(0);
  });
});
