import { describe, expect, it } from "vitest";
import { generateDeviceKey, type ReleaseClaims, signClaims } from "../signatures/index.js";
import { type ReleaseRecord, releaseRecord, verifyRelease } from "./release.js";

const CLAIMS: ReleaseClaims = {
  ...{ version: "1.2.0", platform: "linux-x64", channel: "stable" },
  ...{
    bundle_sha256: "ab".repeat(32),
    bundle_bytes: 10,
    files_sha256: "cd".repeat(32),
    file_count: 2,
    unpacked_bytes: 30,
    brings_node: false,
  },
  ...{ next_keys: [], signed_at: "2026-12-01T12:00:00.000Z" },
};

describe("a release", async () => {
  const [key, other] = [await generateDeviceKey(), await generateDeviceKey()];
  const record = async (change: Partial<ReleaseRecord> = {}): Promise<ReleaseRecord> =>
    releaseRecord.parse({
      ...{ version: "1.2.0", platform: "linux-x64", channel: "stable", url: "https://files.example/umbel.tar.gz" },
      ...{ bundle_hash: CLAIMS.bundle_sha256, binary_hash: CLAIMS.files_sha256, signature: await signClaims(key, "release", CLAIMS) },
      ...{ changelog: "", rollout: 100, active: true, created_at: "2026-12-01T12:00:00.000Z", ...change },
    });

  it("is believed when a pinned key signed it, wherever it lies", async () => {
    const keys = [other.publicJwk, key.publicJwk];
    expect(await verifyRelease(keys, await record())).toEqual(CLAIMS);
    expect(await verifyRelease(keys, await record({ url: "https://elsewhere.example/umbel.tar.gz" }))).toEqual(CLAIMS);
  });

  it.each<[string, Partial<ReleaseRecord>]>([
    ["another version", { version: "1.3.0" }],
    ["another platform", { platform: "darwin-arm64" }],
    ["another channel", { channel: "beta" }],
    ["another archive", { bundle_hash: "00".repeat(32) }],
    ["other files", { binary_hash: "00".repeat(32) }],
  ])("is refused where the coordinator speaks of %s than was signed", async (_, change) => {
    await expect(verifyRelease([key.publicJwk], await record(change))).rejects.toMatchObject({ code: "claims" });
  });

  it("is refused without a signature, by another key, and with a signature for something else", async () => {
    await expect(verifyRelease([key.publicJwk], await record({ signature: null }))).rejects.toMatchObject({ code: "signature" });
    await expect(verifyRelease([other.publicJwk], await record())).rejects.toMatchObject({ code: "signature" });
    await expect(verifyRelease([], await record())).rejects.toMatchObject({ code: "signature" });
    const manifest = { model_id: "a", version: "1", aggregate_sha256: "ab".repeat(32), manifest_sha256: "ab".repeat(32) };
    const signature = await signClaims(key, "manifest", { ...manifest, signed_at: CLAIMS.signed_at });
    await expect(verifyRelease([key.publicJwk], await record({ signature }))).rejects.toMatchObject({ code: "purpose" });
  });
});
