import { describe, expect, it } from "vitest";
import { BUILD, builds, buildView, OTHER_BUILD, providerView, slots, slotView } from "../testing/fixtures.js";
import { evictionsFor } from "./room.js";

const GIB = 1024 ** 3;
/** Eight gibibytes of memory, in which another build of five lies. */
const view = providerView({
  builds: builds(buildView({ build: BUILD, size_bytes: 2 * GIB }), buildView({ build: OTHER_BUILD, size_bytes: 5 * GIB })),
  slots: slots(slotView({ build: OTHER_BUILD, state: "idle" })),
  totalMemory_gb: 8,
  freeForLoad_gb: undefined,
});
const free = { loss: () => 0, memory: () => undefined };

describe("what is put away for a build", () => {
  it("goes by the size of the files where the catalogue knows nothing: a fifth more than they are", () => {
    expect(evictionsFor(view, 2, free)).toEqual([]);
    expect(evictionsFor(view, 2.1, free)).toEqual([OTHER_BUILD]);
    expect(evictionsFor(view, 8.1, free)).toBeUndefined();
  });

  it("goes by what the catalogue knows that a build takes in memory", () => {
    const lean = { ...free, memory: () => ({ resident_bytes: 5 * GIB, minRam_gb: 0, minVram_gb: 0 }) };
    expect(evictionsFor(view, 3, lean)).toEqual([]);
    expect(evictionsFor(view, 3.1, lean)).toEqual([OTHER_BUILD]);
  });
});
