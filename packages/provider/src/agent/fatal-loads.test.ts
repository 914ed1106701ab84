import { describe, expect, it } from "vitest";
import { createFatalLoads, FATAL_LOADS_MAX } from "./fatal-loads.js";

describe("models whose loading ends the worker", () => {
  it("are left out when that happened too often, with the likely reason", () => {
    const loads = createFatalLoads();
    loads.loading("huge");
    expect(loads.workerEnded("SIGKILL")).toBeUndefined();
    expect(loads.isLeftOut("huge")).toBe(false);
    loads.loading("huge");
    expect(loads.workerEnded("SIGKILL")).toBe("huge");
    for (let i = 0; i < FATAL_LOADS_MAX; i++) {
      loads.loading("broken");
      loads.workerEnded("SIGABRT");
    }
    expect(loads.failures()).toMatchObject([
      { build: "huge", code: "load_failed_memory" },
      { build: "broken", code: "engine_crash" },
    ]);
  });

  it("are not those that came through, nor those at work when a worker ended", () => {
    const loads = createFatalLoads();
    loads.loading("unlucky");
    loads.workerEnded("SIGSEGV");
    loads.loading("unlucky");
    loads.loading(undefined);
    expect(loads.workerEnded("SIGSEGV")).toBeUndefined();
    loads.loading("unlucky");
    expect(loads.workerEnded("SIGSEGV")).toBeUndefined();
    expect(loads.failures()).toEqual([]);
  });
});
