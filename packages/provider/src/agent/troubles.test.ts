import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { FULL_STANCE, type MemoryMarker, type OomEvidence } from "../guest/index.js";
import { AGENT_LIMITS } from "./limits.js";
import { Troubles } from "./troubles.js";
import type { WorkerEnd } from "./worker-process.js";

const SHORT = { ...FULL_STANCE, reasons: ["memory"] as const };
const END: WorkerEnd = { pid: 7, exitCode: null, signal: "SIGKILL", reason: undefined, printed_bytes: 0, causes: [] };

function setUp(options: { left?: MemoryMarker; before?: OomEvidence; now?: OomEvidence; canReport?: boolean } = {}) {
  const clock = createFakeClock();
  const told: string[] = [];
  const markers: (string | undefined)[] = [];
  let reports = 0;
  const troubles = new Troubles({
    telemetry: {
      tell: (message, fields = {}) => void told.push([message, ...Object.values(fields)].filter((each) => each !== undefined).join(" ")),
      tellAtEnd: () => void told.push("at the end"),
      close: async () => void told.push("closed"),
    },
    marker: {
      read: async () => options.left,
      write: async ({ models }) => void markers.push(models.join()),
      clear: async () => void markers.push(undefined),
    },
    kills: { sinceLastStart: async () => options.before, ofProcess: async () => options.now },
    clock,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    readMemory: async () => ({ total_bytes: 16, available_bytes: 1 }),
    residents: () => ["oak"],
    inFlight: () => 2,
    ...(options.canReport === true && {
      sendReport: async () => {
        reports += 1;
      },
    }),
  });
  return { troubles, clock, told, markers, reports: () => reports };
}

describe("troubles of a machine", () => {
  it("begin with how the start before came to its end", async () => {
    const at = "2026-12-01T12:00:00.000Z";
    const { troubles, told, markers } = setUp({
      left: { pid: 1, at, available_bytes: 5, total_bytes: 16, models: ["oak"] },
      before: "kernel_log",
    });
    await troubles.onStart();
    expect(troubles.memory).toMatchObject([
      { what: "ran_out", who: "provider", at: new Date(at), evidence: "marker" },
      { what: "killed", who: "provider", evidence: "kernel_log" },
    ]);
    expect(told).toEqual(["provider_started", "memory_ran_out 5 oak", "killed_for_memory kernel_log provider"]);
    expect(markers).toEqual([undefined]);
  });

  it("mark that memory runs out while it does, and not any more when the provider ends as it should", async () => {
    const { troubles, told, markers } = setUp();
    troubles.onStance(SHORT);
    troubles.onStance(SHORT);
    troubles.onStance(FULL_STANCE);
    troubles.onStance(SHORT);
    await troubles.close();
    expect(markers).toEqual(["oak", undefined, "oak", undefined]);
    expect(told).toEqual(["provider_stopped", "memory_critical 1 2 oak critical", "memory_critical 1 2 oak critical", "closed"]);
  });

  it("say of a worker that the system killed for want of memory, and not of one that ended otherwise", async () => {
    const { troubles, told } = setUp({ now: "control_group" });
    troubles.onWorkerEnd({ ...END, signal: "SIGSEGV" });
    troubles.onWorkerEnd({ ...END, reason: "silent" });
    troubles.onWorkerEnd(END);
    await troubles.close();
    expect(troubles.memory).toMatchObject([{ what: "killed", who: "worker", evidence: "control_group" }]);
    expect(told).toContain("worker_ended SIGSEGV 2");
    expect(told).toContain("worker_ended SIGKILL silent 2");
    expect(told.filter((each) => each.startsWith("killed"))).toEqual(["killed_for_memory control_group worker"]);
  });

  it("tell of a connection that is lost the third, the tenth and every thirtieth time", () => {
    const { troubles, told } = setUp();
    for (let lost = 0; lost < 65; lost += 1) troubles.onConnectionLost("closed_1006");
    expect(told.map((each) => each.split(" ")[1])).toEqual(["3", "10", "30", "60"]);
  });

  it("tell of a model that does not load once, until it does", () => {
    const { troubles, told } = setUp();
    const failure = { build: "oak", code: "load_failed_memory", message: "it needs 9 GiB" } as const;
    for (const failures of [[failure], [failure], [], [failure]]) troubles.onLoadFailures(failures);
    expect(told).toEqual(["model_not_loaded oak load_failed_memory", "model_not_loaded oak load_failed_memory"]);
  });

  it("send a log ten minutes after the coordinator has ceased to trust, once, and only where the owner has agreed", async () => {
    const { troubles, clock, reports, told } = setUp({ canReport: true });
    const untrusted = { trust_level: "self_signed", status: "untrusted" } as const;
    troubles.onTrust(untrusted);
    await clock.advance(AGENT_LIMITS.autoReport_ms - 1);
    troubles.onTrust({ ...untrusted, status: "online" });
    await clock.advance(AGENT_LIMITS.autoReport_ms);
    expect(reports()).toBe(0);
    troubles.onTrust(untrusted);
    await clock.advance(AGENT_LIMITS.autoReport_ms);
    expect(reports()).toBe(1);
    troubles.onTrust({ ...untrusted, status: "online" });
    troubles.onTrust(untrusted);
    await clock.advance(AGENT_LIMITS.autoReport_ms);
    expect(reports()).toBe(1);
    expect(told.filter((each) => each === "not_trusted self_signed")).toHaveLength(3);

    const silent = setUp();
    silent.troubles.onTrust(untrusted);
    await silent.clock.advance(AGENT_LIMITS.autoReport_ms);
    expect(silent.told).toEqual(["not_trusted self_signed"]);
  });
});
