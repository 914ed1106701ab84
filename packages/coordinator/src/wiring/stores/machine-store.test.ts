import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
import { createMachineSessions } from "./machine-sessions.js";
import { createMachineStore } from "./machine-store.js";

const MACHINE = {
  machineId: "machine-1",
  accountId: undefined,
  encryptionKey: "AAAA",
  hardware: {
    platform: "linux" as const,
    arch: "x64",
    os_version: "6",
    chip_name: "cpu",
    compute_class: "cpu-avx2",
    memory_gb: 8,
    cpu_cores: 4,
    gpus: [],
  },
  models: [],
  backend: "llama.cpp",
  version: "1.0.0",
  trustLevel: "self_signed" as const,
  at: new Date("2026-01-01T00:00:00Z"),
} satisfies Parameters<ReturnType<typeof createMachineStore>["upsert"]>[0];

describe("rows of machines", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.close());

  it("remember over a restart of the coordinator why a machine is untrusted, and keep the first reason", async () => {
    const machines = createMachineStore(database.store);
    expect(await machines.upsert(MACHINE)).toEqual({ untrustedReason: undefined, health: undefined, counters: null });
    await machines.markUntrusted("machine-1", "chunk does not open", new Date("2026-01-02T00:00:00Z"));
    await machines.markUntrusted("machine-1", "another reason", new Date("2026-01-03T00:00:00Z"));
    await machines.unlink("machine-1", "somebody");
    const afterRestart = createMachineStore(database.store);
    expect(await afterRestart.upsert(MACHINE)).toMatchObject({ untrustedReason: "chunk does not open" });
  });

  it("keep the health of machines over a restart, the latest of it, and of none that they do not know", async () => {
    const machines = createMachineStore(database.store);
    const two = { ...MACHINE, machineId: "machine-2" };
    await machines.upsert(two);
    const at = new Date("2026-01-02T00:00:00Z");
    await machines.saveHealth(
      [
        { machineId: "machine-2", health: { form: 1 } },
        { machineId: "stranger", health: { form: 1 } },
      ],
      at,
    );
    await machines.saveHealth([{ machineId: "machine-2", health: { form: 1, more: [2] } }], at);
    await machines.saveHealth([], at);
    expect(await createMachineStore(database.store).upsert(two)).toMatchObject({
      untrustedReason: undefined,
      health: { form: 1, more: [2] },
    });
  });

  it("keep each connection: the first end stays, one that nobody ended is ended at the next start, and old ones go", async () => {
    const machines = createMachineStore(database.store);
    const three = { ...MACHINE, machineId: "machine-3", accountId: "owner" };
    await machines.upsert(three);
    const session = (sessionId: string, openedAt: Date) => ({
      sessionId,
      machineId: "machine-3",
      accountId: "owner",
      version: "1.0.0",
      openedAt,
    });
    const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 0, minutes));
    const [ended, overtaken, lost, open] = [
      session("ended", at(0)),
      session("overtaken", at(1)),
      session("lost", at(2)),
      session("open", at(3)),
    ];
    for (const each of [ended, lost, open]) await machines.openSession(each);
    await machines.openSession(ended);
    await machines.closeSession(ended, "stale", at(5));
    await machines.closeSession(ended, "shutdown", at(6));
    await machines.closeSession(overtaken, "peer_closed", at(7));
    await machines.openSession(overtaken);
    await machines.seen(lost, { form: 1 }, at(8));
    await machines.seen(open, { form: 2 }, at(11));
    const clock = createFakeClock(at(12));
    const history = createMachineSessions(database.store, clock, { machineSessionRetention_days: 1 });
    await history.closeLost();
    const found = async () =>
      (await machines.sessionsOf("machine-3", 10)).map(({ sessionId, closedAt, reason }) => [sessionId, closedAt, reason]);
    expect(await found()).toEqual([
      ["open", null, null],
      ["lost", at(8), "coordinator_restart"],
      ["overtaken", at(7), "peer_closed"],
      ["ended", at(5), "stale"],
    ]);
    expect(await machines.upsert(three)).toMatchObject({ counters: { form: 2 } });
    await clock.advance(24 * 3_600_000 - 4 * 60_000);
    await history.sweep();
    expect((await found()).map(([id]) => id)).toEqual(["open", "lost"]);
  });
});
