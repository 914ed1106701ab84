import {
  type DeviceKeyPair,
  deviceThumbprint,
  generateDeviceKey,
  type Register,
  type RegistrationClaims,
  signClaims,
  toBase64,
} from "@umbel/protocol";
import { beforeAll, describe, expect, it } from "vitest";
import { appraiseRegistration, REGISTRATION_SKEW_MS } from "./registration.js";

const NOW = new Date("2026-01-01T00:00:00Z");
const KEY = toBase64(new Uint8Array(32).fill(7));
const MODEL = {
  id: "sprout",
  size_bytes: 1,
  format: "gguf",
  context_length: 1,
  weight_hash: "ab".repeat(32),
  capabilities: ["chat"],
} as const;

let device: DeviceKeyPair;
beforeAll(async () => {
  device = await generateDeviceKey();
});

/** A registration as it was signed, then changed on the way. */
async function registration(change: Partial<Register> = {}, claims: Partial<RegistrationClaims> = {}): Promise<Register> {
  const attestation = await signClaims(device, "registration", {
    encryption_key: KEY,
    version: "1.2.3",
    backend: "llama.cpp",
    weight_hashes: { sprout: MODEL.weight_hash },
    sandbox: { network: "none", filesystem: "none", coreDumps: "unknown" },
    issued_at: NOW.toISOString(),
    ...claims,
  });
  return {
    type: "register",
    protocol: 1,
    version: "1.2.3",
    backend: "llama.cpp",
    features: [],
    hardware: {
      platform: "linux",
      arch: "x64",
      os_version: "",
      chip_name: "",
      compute_class: "cpu",
      memory_gb: 1,
      cpu_cores: 1,
      gpus: [],
    },
    models: [{ ...MODEL, capabilities: [...MODEL.capabilities] }],
    encryption_key: KEY,
    device_key: device.publicJwk,
    attestation,
    private_only: false,
    decode_tps: 0,
    prefill_tps: 0,
    ...change,
  };
}

const issuedAt = (offset_ms: number): string => new Date(NOW.getTime() + offset_ms).toISOString();

describe("appraising a registration", () => {
  it("establishes the machine and its encryption key, at the level of a software key", async () => {
    const verdict = await appraiseRegistration(await registration(), NOW);
    expect(verdict).toMatchObject({
      ok: true,
      device: { machineId: await deviceThumbprint(device.publicJwk), trustLevel: "self_signed", encryptionKey: new Uint8Array(32).fill(7) },
    });
  });

  it("does not raise the level for what a machine says of its own confinement", async () => {
    const claims = { sandbox: { network: "namespace", filesystem: "permission-model", coreDumps: "disabled" } } as const;
    expect(await appraiseRegistration(await registration({}, claims), NOW)).toMatchObject({ device: { trustLevel: "self_signed" } });
  });

  it.each<[string, Partial<Register>]>([
    ["encryption key", { encryption_key: toBase64(new Uint8Array(32).fill(8)) }],
    ["version", { version: "9.9.9" }],
    ["backend", { backend: "other" }],
    ["runtime hash", { runtime_hash: "ab".repeat(32) }],
    ["weight hashes", { models: [{ ...MODEL, capabilities: ["chat"], weight_hash: "cd".repeat(32) }] }],
    ["weight hashes", { models: [{ ...MODEL, capabilities: ["chat"], id: "not-signed" }] }],
    ["weight hashes", { models: [{ ...MODEL, capabilities: ["chat"], id: "constructor" }] }],
  ])("refuses a message whose %s is not what was signed", async (what, change) => {
    expect(await appraiseRegistration(await registration(change), NOW)).toEqual({
      ok: false,
      code: "invalid_attestation",
      reason: `signed ${what} ${what.endsWith("s") ? "differ" : "differs"}`,
    });
  });

  it("refuses a signature by another key, for another purpose, or none at all", async () => {
    const stranger = await generateDeviceKey();
    const challenge = await signClaims(device, "challenge", {
      nonce: KEY,
      timestamp: "2026-01-01T00:00:00Z",
      session_id: "s",
      encryption_key_thumbprint: "00".repeat(32),
      counter: 1,
    });
    for (const change of [{ device_key: stranger.publicJwk }, { attestation: challenge }, { attestation: "" }]) {
      expect(await appraiseRegistration(await registration(change), NOW)).toMatchObject({ ok: false, code: "invalid_attestation" });
    }
  });

  it.each([
    [-REGISTRATION_SKEW_MS, true],
    [REGISTRATION_SKEW_MS, true],
    [-REGISTRATION_SKEW_MS - 1000, false],
    [REGISTRATION_SKEW_MS + 1000, false],
  ])("judges a signature %i ms from now by the five-minute rule", async (offset_ms, ok) => {
    const register = await registration({}, { issued_at: issuedAt(offset_ms) });
    expect((await appraiseRegistration(register, NOW)).ok).toBe(ok);
  });

  it.each([toBase64(new Uint8Array(31)), toBase64(new Uint8Array(33)), "", "not base64"])("refuses the encryption key %j", async (key) => {
    const register = { ...(await registration()), encryption_key: key };
    expect(await appraiseRegistration(register, NOW)).toMatchObject({ ok: false, code: "invalid_public_key" });
  });
});
