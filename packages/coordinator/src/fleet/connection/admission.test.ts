import { generateDeviceKey, toBase64, WIRE_LIMITS } from "@umbel/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { FLEET_DEFAULTS } from "../settings.js";
import { createMemoryMachines, startTestFleet, type TestFleet, type TestFleetOptions, testModel, testSpec } from "../testing/index.js";

let running: TestFleet | undefined;
afterEach(() => running?.close());

async function start(options?: Partial<TestFleetOptions<TestFleet["clock"]>>): Promise<TestFleet> {
  running = await startTestFleet(options);
  return running;
}

describe("a provider that connects", () => {
  it("is routable only after it has proven possession of its device key", async () => {
    const test = await start();
    const provider = await test.open();
    const welcome = await provider.register();
    provider.heartbeat();
    expect(test.fleet.connected()).toBe(0);
    expect(test.fleet.preview(testSpec()).considered).toBe(0);

    await provider.answer(welcome.challenge);
    expect(await provider.receive("trust_status")).toMatchObject({ trust_level: "self_signed", status: "online" });
    expect(test.fleet.connected()).toBe(1);
    expect(test.fleet.preview(testSpec()).candidates).toBe(1);
  });

  it("is told what it needs to know in the welcome", async () => {
    const test = await start();
    const provider = await test.open();
    const welcome = await provider.register();
    expect(welcome).toMatchObject({ heartbeat_interval_ms: 5_000, max_frame_bytes: WIRE_LIMITS.frameToCoordinator_bytes_max });
    expect(welcome.session_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(welcome.server_time).toBe("2026-01-01T00:00:00.000Z");
  });

  it("is stored with its account once proven, and not before", async () => {
    const machines = createMemoryMachines();
    const test = await start({ machines, tokens: { "umbel-pt-good": "owner" } });
    const provider = await test.open({ authToken: "umbel-pt-good" });
    const welcome = await provider.register();
    expect(machines.rows.size).toBe(0);
    await provider.answer(welcome.challenge);
    await provider.receive("trust_status");
    expect(machines.rows.get(provider.machineId)).toMatchObject({
      accountId: "owner",
      trustLevel: "self_signed",
      models: [{ id: "test-build" }],
    });
  });

  it("is closed with 1008 when its first frame is not register", async () => {
    const test = await start();
    for (const frame of ["heartbeat", "binary", "garbage", "unknown"] as const) {
      const provider = await test.open();
      if (frame === "heartbeat") provider.heartbeat();
      if (frame === "binary") provider.sendBinary(new Uint8Array(40).fill(2));
      if (frame === "garbage") provider.sendText("{");
      if (frame === "unknown") provider.sendText('{"type":"hello"}');
      expect(await provider.closed).toEqual({ code: 1008, reason: "register first" });
    }
  });

  it("is closed with 1008 when it does not register in time", async () => {
    const test = await start();
    const provider = await test.open();
    await test.clock.advance(WIRE_LIMITS.registrationTimeout_ms - 1);
    expect(provider.socket.readyState).toBe(provider.socket.OPEN);
    await test.clock.advance(1);
    expect(await provider.closed).toEqual({ code: 1008, reason: "registration timeout" });
  });

  it("is closed with 1008 when it registers twice, before and after its proof", async () => {
    const test = await start();
    const early = await test.open();
    await early.register();
    early.send(await early.registerMessage());
    expect(await early.closed).toEqual({ code: 1008, reason: "duplicate register" });

    const late = await test.connect();
    late.send(await late.registerMessage());
    expect(await late.closed).toEqual({ code: 1008, reason: "duplicate register" });
    expect(test.fleet.connected()).toBe(0);
  });

  it("is refused when the register message is malformed", async () => {
    const test = await start();
    const provider = await test.open();
    provider.sendText('{"type":"register","protocol":2}');
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "invalid_message" });
    expect((await provider.closed).code).toBe(1008);
  });

  it("is refused when its encryption key has the wrong length", async () => {
    const test = await start();
    const provider = await test.open();
    provider.send(await provider.registerMessage({ encryption_key: toBase64(new Uint8Array(31)) }));
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "invalid_public_key" });
    expect((await provider.closed).code).toBe(1008);
  });

  it("is refused when its evidence was signed by another key", async () => {
    const test = await start();
    const provider = await test.open();
    provider.send(await provider.registerMessage({ device_key: (await generateDeviceKey()).publicJwk }));
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "invalid_attestation" });
  });

  it("is refused when its token is unknown", async () => {
    const test = await start({ tokens: { "umbel-pt-good": "owner" } });
    const provider = await test.open({ authToken: "umbel-pt-bad" });
    provider.send(await provider.registerMessage());
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "auth_token_invalid" });
  });

  it("is told to come back when the database cannot answer, at each step that asks it", async () => {
    const noDatabase = () => Promise.reject(new Error("no database"));
    const failing = { providerAccount: noDatabase, usableProviderTokens: noDatabase, revokeProviderToken: noDatabase };
    const test = await start({ accounts: failing });
    const linked = await test.open({ authToken: "umbel-pt-any" });
    linked.send(await linked.registerMessage());
    expect(await linked.closed).toEqual({ code: 1013, reason: "try again later" });
    await test.close();

    const machines = { ...createMemoryMachines(), upsert: () => Promise.reject(new Error("no database")) };
    const second = await start({ machines });
    const proven = await second.open();
    const welcome = await proven.register();
    await proven.answer(welcome.challenge);
    expect(await proven.closed).toEqual({ code: 1013, reason: "try again later" });
    expect(second.fleet.connected()).toBe(0);
  });

  it("is told to come back when its record is not stored within five seconds", async () => {
    let onAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      onAsked = resolve;
    });
    const upsert = (): Promise<never> => {
      onAsked();
      return new Promise(() => undefined);
    };
    const test = await start({ machines: { ...createMemoryMachines(), upsert } });
    const provider = await test.open();
    const welcome = await provider.register();
    await provider.answer(welcome.challenge);
    await asked;
    await test.clock.advance(5_000);
    expect((await provider.closed).code).toBe(1013);
  });

  it.each([
    ["nothing", "no answer in time"],
    ["another session", "session mismatch"],
    ["another key", "public key mismatch"],
    ["another nonce inside", "nonce mismatch"],
    ["another time", "timestamp mismatch"],
  ])("is refused when the proof names %s", async (fault, detail) => {
    const test = await start();
    const provider = await test.open();
    const { challenge } = await provider.register();
    const claims = {
      nothing: {},
      "another session": { session_id: "someone else's" },
      "another key": { encryption_key_thumbprint: "00".repeat(32) },
      "another nonce inside": { nonce: toBase64(new Uint8Array(32)) },
      "another time": { timestamp: "2025-01-01T00:00:00Z" },
    }[fault];
    if (fault === "nothing") await test.clock.advance(FLEET_DEFAULTS.challengeTimeout_ms);
    else await provider.answer(challenge, { claims: claims ?? {} });
    const { code, reason } = await provider.receive("register_rejected");
    expect({ code, reason }).toEqual({
      code: "invalid_attestation",
      reason: `possession of the device key is not proven: ${detail}`,
    });
    expect(test.fleet.connected()).toBe(0);
  });

  it("may answer its challenge once: stale and invented nonces are ignored", async () => {
    const test = await start();
    const provider = await test.open();
    const { challenge } = await provider.register();
    await provider.answer(challenge, { nonce: toBase64(new Uint8Array(32)) });
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "unknown_challenge" });
    await provider.answer(challenge);
    expect(await provider.receive("trust_status")).toMatchObject({ status: "online" });
    await provider.answer(challenge);
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "unknown_challenge" });
  });

  it("ignores inference frames from a provider that is not proven", async () => {
    const test = await start();
    const provider = await test.open();
    await provider.register();
    provider.send({ type: "inference_error", request_id: testSpec().requestId as never, error_class: "internal" });
    expect(await test.event("frame_ignored")).toMatchObject({ reason: "before_proof" });
  });

  it("replaces the same machine's older connection, and only once it has proven itself", async () => {
    const test = await start();
    const device = await generateDeviceKey();
    const old = await test.connect({ device });
    const claimant = await test.open({ device });
    const { challenge } = await claimant.register();
    expect(old.socket.readyState).toBe(old.socket.OPEN);
    expect(test.fleet.connected()).toBe(1);

    await claimant.answer(challenge);
    expect(await old.closed).toEqual({ code: 1008, reason: "replaced by a newer connection" });
    await claimant.receive("trust_status");
    expect(test.fleet.connected()).toBe(1);
    expect(test.fleet.reserve(testSpec())).toMatchObject({ ok: true, attempt: { provider: { sessionId: claimant.sessionId } } });
  });

  it("does not disturb a machine whose public key a stranger shows", async () => {
    const test = await start();
    const machine = await test.connect();
    const stranger = await test.open();
    const { publicJwk } = machine.device;
    stranger.send(await stranger.registerMessage({ device_key: publicJwk }));
    expect(await stranger.receive("register_rejected")).toMatchObject({ code: "invalid_attestation" });
    expect(machine.socket.readyState).toBe(machine.socket.OPEN);
    expect(test.fleet.connected()).toBe(1);
  });

  it("replays a captured registration in vain: the proof needs the private key", async () => {
    const test = await start();
    const machine = await test.connect();
    const captured = await machine.registerMessage();
    const stranger = await test.open();
    stranger.send(captured);
    const welcome = await stranger.receive("welcome");
    stranger.sessionId = welcome.session_id;
    await stranger.answer(welcome.challenge);
    expect(await stranger.receive("register_rejected")).toMatchObject({ code: "invalid_attestation" });
    expect(machine.socket.readyState).toBe(machine.socket.OPEN);
  });

  it("is found by each build of its inventory, and by no other", async () => {
    const test = await start();
    await test.connect({ models: [testModel({ id: "a" }), testModel({ id: "b", weight_hash: "cd".repeat(32) })] });
    expect(test.fleet.capacity("a").providers).toBe(1);
    expect(test.fleet.capacity("b").providers).toBe(1);
    expect(test.fleet.capacity("test-build").providers).toBe(0);
  });

  it("is refused while the coordinator shuts down", async () => {
    const test = await start();
    test.fleet.announceShutdown(1000);
    const provider = await test.open();
    provider.send(await provider.registerMessage());
    expect(await provider.receive("register_rejected")).toMatchObject({ code: "registration_closed", retry_after_s: 5 });
  });
});
