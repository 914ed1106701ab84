import { createFleetIndex, type ProviderView, providerViewFromRegister, type RoutingContext, seededRandom } from "@umbel/routing";
import { beforeEach, describe, expect, it } from "vitest";
import { type CoalescedIndex, coalesced, REINDEX_INTERVAL_MS } from "./coalesced-index.js";
import { TEST_BUILD, testModel, testSpec } from "./testing/index.js";

const OTHER_BUILD = "other";
const REGISTERED = providerViewFromRegister(
  {
    type: "register",
    protocol: 1,
    version: "1.0.0",
    backend: "test",
    features: [],
    hardware: {
      ...{ platform: "linux", arch: "x64", os_version: "1", chip_name: "cpu", compute_class: "cpu" },
      ...{ memory_gb: 64, cpu_cores: 8, gpus: [] },
    },
    models: [testModel()],
    encryption_key: "",
    device_key: { kty: "EC", crv: "P-256", x: "", y: "" },
    attestation: "",
    private_only: false,
    decode_tps: 20,
    prefill_tps: 200,
  },
  { sessionId: "session", machineId: "machine", accountId: undefined },
);
const PROVEN: ProviderView = { ...REGISTERED, trusted: true, trustLevel: "self_signed", sealing: true, challengedAt_ms: 0 };

let moves: number;
let now_ms: number;
let index: CoalescedIndex;
beforeEach(() => {
  moves = 0;
  now_ms = 1_000;
  const plain = createFleetIndex();
  const counting = {
    ...plain,
    get size() {
      return plain.size;
    },
    set: (...change: Parameters<typeof plain.set>) => {
      moves += 1;
      plain.set(...change);
    },
  };
  index = coalesced(counting);
});

function context(): RoutingContext {
  return { now_ms, random: seededRandom(1), minTrust: "none", minVersion: "", challengeFreshness_ms: 1e9 };
}

/** So many reports, a millisecond apart; the last one is of a machine that drains. */
function burst(reports: number): void {
  for (let left = reports; left > 0; left -= 1) {
    index.report({ ...PROVEN, cpuUsage: left / reports, draining: left === 1 }, context());
    now_ms += 1;
  }
}

const refusals = (build = TEST_BUILD) => index.select(testSpec({ build, weightHash: "" }), context()).refusals;

describe("reports of one machine", () => {
  it("move it at once when they are apart", () => {
    for (let report = 0; report < 3; report += 1) {
      index.report(PROVEN, context());
      now_ms += REINDEX_INTERVAL_MS;
    }
    expect(moves).toBe(3);
  });

  it("move it once in a burst, and once more when somebody asks, who sees the last of them", () => {
    burst(20);
    expect(moves).toBe(1);
    expect(index.get("session")).toMatchObject({ draining: true });
    expect(refusals("nobody-has")).toEqual({});
    expect(moves).toBe(1);
    expect(refusals()).toEqual({ draining: 1 });
    expect(refusals()).toEqual({ draining: 1 });
    expect(moves).toBe(2);
  });

  it("move it once in each interval of a flood", () => {
    burst(10 * REINDEX_INTERVAL_MS);
    expect(moves).toBe(10);
  });

  it.each([
    ["its machines", () => [...index.views(TEST_BUILD)].some(({ draining }) => draining)],
    ["machines with work for it", () => [...index.engaged(TEST_BUILD)].length === 0],
    ["whether somebody serves it", () => !index.someone("alias_probe", testSpec({ weightHash: "" }), context())],
  ])("are all seen by whoever asks of a build for %s", (_, seesLast) => {
    burst(5);
    expect(seesLast()).toBe(true);
    expect(moves).toBe(2);
  });

  it("are seen where the last of them takes a build away, or brings one", () => {
    index.report(PROVEN, context());
    const [model] = PROVEN.builds.values();
    if (model === undefined) throw new Error("it offers nothing");
    index.report({ ...PROVEN, builds: new Map([[OTHER_BUILD, { ...model, build: OTHER_BUILD }]]) }, context());
    expect([...index.views(TEST_BUILD)]).toEqual([]);
    expect([...index.views(OTHER_BUILD)]).toHaveLength(1);
  });

  it("wait behind nothing that the coordinator does, and are outdated by it", () => {
    burst(2);
    index.set({ ...PROVEN, privateOnly: true }, context());
    expect(moves).toBe(2);
    expect(refusals()).toEqual({ private_only: 1 });
    expect(moves).toBe(2);
  });

  it("are forgotten with the machine", () => {
    burst(2);
    index.remove("session");
    expect(index.size).toBe(0);
    expect(refusals()).toEqual({});
    expect(moves).toBe(1);
  });
});
