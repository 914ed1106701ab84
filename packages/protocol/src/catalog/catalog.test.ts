import { createHash } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { createManifest, type Manifest } from "../manifest/index.js";
import { type DeviceKeyPair, generateDeviceKey, signClaims } from "../signatures/index.js";
import { fileUrls, isFileAddress, manifestDigest, type SignedManifest, signManifest, verifySignedManifest } from "./index.js";

const at = new Date("2026-01-01T00:00:00Z");
const manifestOf = (content: string, path = "model.gguf"): Manifest =>
  createManifest({
    modelId: "umbel/oak",
    version: "1.0.0",
    files: [{ path, size_bytes: content.length, sha256: createHash("sha256").update(content).digest("hex"), role: "weight" }],
    createdAt: at,
  });

describe("a signed manifest", () => {
  let key: DeviceKeyPair;
  let next: DeviceKeyPair;
  let signed: SignedManifest;
  const manifest = manifestOf("weights");
  beforeAll(async () => {
    [key, next] = await Promise.all([generateDeviceKey(), generateDeviceKey()]);
    signed = { ...manifest, signature: await signManifest(key, manifest, at), origins: ["https://models.example"] };
  });

  it("verifies by the key that signed it, and comes back without what is not signed", async () => {
    expect(await verifySignedManifest([key.publicJwk], JSON.parse(JSON.stringify(signed)))).toEqual(manifest);
  });

  it("verifies by any of the keys that are pinned, so that a key can be replaced", async () => {
    expect(await verifySignedManifest([next.publicJwk, key.publicJwk], signed)).toEqual(manifest);
  });

  it("does not verify by another key, or by none", async () => {
    await expect(verifySignedManifest([next.publicJwk], signed)).rejects.toMatchObject({ code: "signature" });
    await expect(verifySignedManifest([], signed)).rejects.toMatchObject({ code: "signature" });
  });

  it.each([
    ["other weights", manifestOf("other weights")],
    ["another path", manifestOf("weights", "renamed.gguf")],
    ["another time", { ...manifest, created_at: "2026-01-02T00:00:00.000Z" }],
  ])("does not stand for %s", async (_, other) => {
    await expect(verifySignedManifest([key.publicJwk], { ...signed, ...other })).rejects.toMatchObject({ code: "not_as_signed" });
  });

  it("is held to a manifest's own rules before its signature", async () => {
    await expect(verifySignedManifest([key.publicJwk], { ...signed, file_count: 2 })).rejects.toMatchObject({ code: "wrong_file_count" });
    await expect(signManifest(key, { ...manifest, file_count: 2 }, at)).rejects.toMatchObject({ code: "wrong_file_count" });
  });

  it("without a signature, or with one of another kind, is refused", async () => {
    await expect(verifySignedManifest([key.publicJwk], manifest)).rejects.toMatchObject({ code: "malformed" });
    const session = { account_id: "alice", issued_at: at.toISOString(), expires_at: at.toISOString() };
    const signature = await signClaims(key, "session", session);
    await expect(verifySignedManifest([key.publicJwk], { ...signed, signature })).rejects.toMatchObject({ code: "purpose" });
  });

  it("has a digest that does not depend on the order of its fields", () => {
    expect(manifestDigest(Object.fromEntries(Object.entries(manifest).reverse()) as typeof manifest)).toBe(manifestDigest(manifest));
  });
});

describe("where a file is fetched from", () => {
  const prefix = "v2/oak--001122334455/1.0.0";
  const coordinator = "http://192.168.1.5:8080";

  it("is below each origin in order, with every segment encoded", () => {
    const origins = ["https://a.example/models/", "/v1/blobs", "https://b.example"];
    expect(fileUrls({ prefix, origins }, "part one#1/m.gguf", coordinator)).toEqual([
      `https://a.example/models/${prefix}/part%20one%231/m.gguf`,
      `${coordinator}/v1/blobs/${prefix}/part%20one%231/m.gguf`,
      `https://b.example/${prefix}/part%20one%231/m.gguf`,
    ]);
  });

  it("is at the file's own addresses first", () => {
    const file_urls = { "m.gguf": ["https://hub.example/oak/m.gguf"] };
    const urls = fileUrls({ prefix, origins: ["https://a.example"], file_urls }, "m.gguf", coordinator);
    expect(urls).toEqual(["https://hub.example/oak/m.gguf", `https://a.example/${prefix}/m.gguf`]);
    expect(fileUrls({ prefix, origins: [], file_urls }, "toString", coordinator)).toEqual([]);
  });

  it("is never over plain http, but on this machine or at the coordinator", () => {
    const origins = [
      "http://a.example",
      "http://127.0.0.1:9000",
      "http://[::1]",
      "http://localhost",
      "http://192.168.1.5:8080",
      "file:///etc",
    ];
    expect(fileUrls({ prefix, origins }, "m", coordinator).map((url) => new URL(url).host)).toEqual([
      "127.0.0.1:9000",
      "[::1]",
      "localhost",
      "192.168.1.5:8080",
    ]);
  });

  it("is not at an address with credentials, or at none at all", () => {
    const file_urls = { m: ["https://user:secret@a.example/m", "https://", "//a.example:x/m"] };
    expect(fileUrls({ prefix, origins: [], file_urls }, "m", coordinator)).toEqual([]);
  });

  it("is named once", () => {
    expect(fileUrls({ prefix, origins: ["https://a.example", "https://a.example/"] }, "m", coordinator)).toHaveLength(1);
  });

  it.each([
    ["https://models.example/umbel", true],
    ["http://127.0.0.1:9000", true],
    ["http://models.example", false],
    ["https://user:secret@models.example", false],
    ["https://models.example/?token=1", false],
    ["https://models.example/#here", false],
    ["file:///srv/models", false],
    ["/v1/blobs", false],
  ])("may be said to be %s: %s", (address, expected) => {
    expect(isFileAddress(address)).toBe(expected);
  });
});
