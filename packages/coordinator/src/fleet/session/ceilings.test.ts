import { type Heartbeat, type Register, SELF_REPORTED_MAX } from "@umbel/protocol";
import { describe, expect, it } from "vitest";
import { believedHeartbeat, believedRegister } from "./ceilings.js";

const CEILINGS = { decode_tps: 100, prefill_tps: 1_000, memoryBandwidth_gbs: 50 };
const IDLE = { num_running: 0, num_waiting: 0, max_concurrency: 4, active_tokens: 0, token_budget_used: 0, token_budget_max: 9_000 };

function registerOf(decode_tps: number, prefill_tps: number, memory_bandwidth_gbs?: number): Register {
  const register: Pick<Register, "decode_tps" | "prefill_tps" | "hardware"> = {
    decode_tps,
    prefill_tps,
    hardware: {
      ...{
        platform: "linux",
        arch: "x64",
        os_version: "6",
        chip_name: "chip",
        compute_class: "cpu",
        memory_gb: 16,
        cpu_cores: 4,
        gpus: [],
      },
      ...(memory_bandwidth_gbs === undefined ? {} : { memory_bandwidth_gbs }),
    },
  };
  return register as Register;
}

function heartbeatOf(decode_tps: number, prefill_tps: number): Heartbeat {
  const measured = { observed_decode_tps: decode_tps, observed_prefill_tps: prefill_tps };
  return {
    type: "heartbeat",
    status: "idle",
    stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0 },
    system_metrics: { memory_pressure: 0, cpu_usage: 0, thermal_state: "nominal" },
    capacity: { slots: [{ model: "a", state: "idle", ...IDLE, ...measured }], total_memory_gb: 16 },
  };
}

describe("what a machine says of its speed", () => {
  it("is believed up to the operator's ceilings when it registers", () => {
    expect(believedRegister(registerOf(50, 500, 40), CEILINGS)).toEqual(registerOf(50, 500, 40));
    expect(believedRegister(registerOf(101, 5_000, 400), CEILINGS)).toEqual(registerOf(100, 1_000, 50));
    expect(believedRegister(registerOf(101, 5_000), CEILINGS)).toEqual(registerOf(100, 1_000));
  });

  it("is believed up to them in heartbeats, where a rate of reading beyond is none", () => {
    const honest = heartbeatOf(100, 1_000);
    expect(believedHeartbeat(honest, CEILINGS)).toBe(honest);
    const boast = believedHeartbeat(heartbeatOf(1_000, 1_001), CEILINGS).capacity?.slots[0];
    expect([boast?.observed_decode_tps, boast?.observed_prefill_tps]).toEqual([100, undefined]);
  });

  it("is as the wire bounds it where an operator sets nothing", () => {
    const fast = heartbeatOf(SELF_REPORTED_MAX.decode_tps, SELF_REPORTED_MAX.prefill_tps);
    expect(believedHeartbeat(fast, SELF_REPORTED_MAX)).toBe(fast);
  });
});
