import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../store/testing.js";
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
    expect(await machines.upsert(MACHINE)).toEqual({ untrustedReason: undefined, health: undefined });
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
    expect(await createMachineStore(database.store).upsert(two)).toEqual({ untrustedReason: undefined, health: { form: 1, more: [2] } });
  });
});
