import { CompactSign, decodeProtectedHeader, exportPKCS8, generateKeyPair } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../bytes.js";
import { WIRE_LIMITS } from "../limits.js";
import { requestId } from "../messages/common.js";
import type { EncryptionKeyClaims } from "../sealed-transport/index.js";
import {
  type ChallengeClaims,
  type ClaimsOf,
  type DeviceKeyPair,
  deviceThumbprint,
  generateDeviceKey,
  importDeviceKey,
  type RegistrationClaims,
  type SignaturePurpose,
  signClaims,
  type UsageReceipt,
  verifyClaims,
} from "./index.js";

const digest = "ab".repeat(32);
const registration: RegistrationClaims = {
  encryption_key: toBase64(new Uint8Array(32)),
  version: "0.1.0",
  backend: "llama.cpp",
  weight_hashes: { "sprout-3m-q8_0": digest },
  sandbox: { network: "namespace", filesystem: "permission-model", coreDumps: "disabled" },
  issued_at: "2026-01-01T00:00:00Z",
};
const challenge: ChallengeClaims = {
  nonce: toBase64(new Uint8Array(32)),
  timestamp: "2026-01-01T00:00:00Z",
  session_id: "session",
  encryption_key_thumbprint: digest,
  counter: 1,
};
const receipt: UsageReceipt = {
  request_id: requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f"),
  build_id: "sprout-3m-q8_0",
  weight_hash: digest,
  usage: { prompt_tokens: 12, completion_tokens: 3, reasoning_tokens: 0, cached_prompt_tokens: 0 },
  finish_reason: "stop",
  chunks: 2,
  request_digest: digest,
  response_digest: digest,
  started_at: "2026-01-01T00:00:00Z",
  finished_at: "2026-01-01T00:00:01Z",
};
const encryptionKeys: EncryptionKeyClaims = {
  keys: [
    {
      kid: "ab".repeat(8),
      public_key: toBase64(new Uint8Array(32)),
      suites: ["x25519-sha256-aes256gcm"],
      not_before: "2026-01-01T00:00:00Z",
      expires_at: "2026-01-03T00:00:00Z",
    },
  ],
};
const session = { account_id: "alice", issued_at: "2026-01-01T00:00:00Z", expires_at: "2026-01-01T01:00:00Z" };
const manifest = {
  model_id: "sprout-3m-q8_0",
  version: "1.0.0",
  aggregate_sha256: digest,
  manifest_sha256: digest,
  signed_at: "2026-01-01T00:00:00Z",
};
const release = {
  ...{ version: "1.2.0", platform: "linux-x64", channel: "stable" },
  ...{ bundle_sha256: digest, bundle_bytes: 10, files_sha256: digest, file_count: 2, unpacked_bytes: 30, brings_node: false },
  ...{ next_keys: [], signed_at: "2026-01-01T00:00:00Z" },
};
const examples: { [P in SignaturePurpose]: ClaimsOf<P> } = {
  registration,
  challenge,
  receipt,
  encryption_keys: encryptionKeys,
  manifest,
  release,
  session,
};
const purposes = ["registration", "challenge", "receipt", "encryption_keys", "manifest", "release", "session"] as const;

let device: DeviceKeyPair;
let other: DeviceKeyPair;
beforeAll(async () => {
  [device, other] = await Promise.all([generateDeviceKey(), generateDeviceKey()]);
});

/** A JWS by the device's own key, but with a header and payload of the test's choosing. */
function forge(header: Record<string, unknown>, payload: string): Promise<string> {
  return new CompactSign(utf8(payload)).setProtectedHeader({ alg: "ES256", ...header }).sign(device.privateKey);
}

describe("signed claims", () => {
  it.each(purposes)("for %s verify and come back as they were", async (purpose) => {
    const jws = await signClaims(device, purpose, examples[purpose]);
    expect(await verifyClaims(device.publicJwk, purpose, jws)).toEqual(examples[purpose]);
  });

  it("say in their header what they are for and who signed", async () => {
    const headers = await Promise.all(
      purposes.map(async (purpose) => decodeProtectedHeader(await signClaims(device, purpose, examples[purpose]))),
    );
    const kid = await deviceThumbprint(device.publicJwk);
    expect(headers).toEqual([
      { alg: "ES256", typ: "att-reg+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "att-challenge+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "usage-receipt+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "encryption-keys+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "model-manifest+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "provider-release+jwt", kid, ver: 1 },
      { alg: "ES256", typ: "session+jwt", kid, ver: 1 },
    ]);
  });

  it.each(purposes.flatMap((signed) => purposes.filter((asked) => asked !== signed).map((asked) => [signed, asked] as const)))(
    "for %s never verify for %s",
    async (signed, asked) => {
      const jws = await signClaims(device, signed, examples[signed]);
      await expect(verifyClaims(device.publicJwk, asked, jws)).rejects.toMatchObject({ code: "purpose" });
    },
  );

  it("do not verify with another key", async () => {
    const jws = await signClaims(device, "challenge", challenge);
    await expect(verifyClaims(other.publicJwk, "challenge", jws)).rejects.toMatchObject({ code: "signature" });
  });

  it("do not verify with any part changed", async () => {
    const [header = "", payload = "", signature = ""] = (await signClaims(device, "challenge", challenge)).split(".");
    const changed = Buffer.from(JSON.stringify({ ...challenge, counter: 2 })).toString("base64url");
    const otherHeader = Buffer.from(JSON.stringify({ alg: "ES256", typ: "att-challenge+jwt", ver: 1 })).toString("base64url");
    for (const jws of [
      `${header}.${changed}.${signature}`,
      `${otherHeader}.${payload}.${signature}`,
      `${header}.${payload}.${"A".repeat(86)}`,
    ]) {
      await expect(verifyClaims(device.publicJwk, "challenge", jws)).rejects.toMatchObject({ code: "signature" });
    }
  });

  it.each(["", "a.b", "a.b.c", "....", "{}"])("are malformed as %j", async (jws) => {
    await expect(verifyClaims(device.publicJwk, "challenge", jws)).rejects.toMatchObject({ code: "malformed" });
  });

  it("take no other algorithm, `none` least of all", async () => {
    const unsigned = `${Buffer.from('{"alg":"none","typ":"att-challenge+jwt"}').toString("base64url")}.e30.`;
    await expect(verifyClaims(device.publicJwk, "challenge", unsigned)).rejects.toMatchObject({ code: "malformed" });
    const secret = new Uint8Array(32).fill(1);
    const symmetric = await new CompactSign(utf8("{}")).setProtectedHeader({ alg: "HS256", typ: "att-challenge+jwt" }).sign(secret);
    await expect(verifyClaims(device.publicJwk, "challenge", symmetric)).rejects.toMatchObject({ code: "malformed" });
  });

  it("of a later version are refused as such", async () => {
    const jws = await forge({ typ: "att-challenge+jwt", ver: 2 }, JSON.stringify(challenge));
    await expect(verifyClaims(device.publicJwk, "challenge", jws)).rejects.toMatchObject({ code: "version" });
    const unversioned = await forge({ typ: "att-challenge+jwt" }, JSON.stringify(challenge));
    await expect(verifyClaims(device.publicJwk, "challenge", unversioned)).rejects.toMatchObject({ code: "purpose" });
  });

  it.each(["not json", "null", "[]", "{}", JSON.stringify({ ...challenge, nonce: "AAAA" }), JSON.stringify({ ...challenge, counter: -1 })])(
    "are refused when their content is %j",
    async (payload) => {
      const jws = await forge({ typ: "att-challenge+jwt", ver: 1 }, payload);
      await expect(verifyClaims(device.publicJwk, "challenge", jws)).rejects.toMatchObject({ code: "claims" });
    },
  );

  it("ignore members they do not know, and read an unknown kind of sandbox as none", async () => {
    const later = { ...registration, region: "eu", sandbox: { network: "enclave", filesystem: "enclave", coreDumps: "enclave" } };
    const jws = await forge({ typ: "att-reg+jwt", ver: 1 }, JSON.stringify(later));
    const claims = await verifyClaims(device.publicJwk, "registration", jws);
    expect(claims).toEqual({ ...registration, sandbox: { network: "none", filesystem: "none", coreDumps: "unknown" } });
  });
});

describe("signing", () => {
  it("refuses anything that is not a claim of the purpose, so nobody can have text signed", async () => {
    const shortNonce = { ...challenge, nonce: toBase64(utf8("please sign this")) };
    await expect(signClaims(device, "challenge", shortNonce)).rejects.toMatchObject({ code: "claims" });
    await expect(signClaims(device, "challenge", { ...challenge, timestamp: "now" })).rejects.toMatchObject({ code: "claims" });
  });

  it("has room for the hash of every build that may be advertised, and a limit", async () => {
    const hashes = (length: number) => Object.fromEntries(Array.from({ length }, (_, i) => [`${i}-`.padEnd(256, "x"), digest]));
    const fullest = { ...registration, weight_hashes: hashes(WIRE_LIMITS.advertisedModels_max) };
    const jws = await signClaims(device, "registration", fullest);
    expect(await verifyClaims(device.publicJwk, "registration", jws)).toEqual(fullest);
    const tooMany = { ...registration, weight_hashes: hashes(WIRE_LIMITS.advertisedModels_max + 1) };
    await expect(signClaims(device, "registration", tooMany)).rejects.toMatchObject({ code: "claims" });
  });

  it("and verifying stop at the size limit of the purpose", async () => {
    const long = `${"a".repeat(WIRE_LIMITS.jws_bytes_max)}.b.c`;
    await expect(verifyClaims(device.publicJwk, "challenge", long)).rejects.toMatchObject({ code: "malformed" });
  });
});

describe("a device key", () => {
  it("survives its key file with the same identity", async () => {
    const restored = await importDeviceKey(await device.exportPkcs8());
    expect(restored.publicJwk).toEqual(device.publicJwk);
    expect(await deviceThumbprint(restored.publicJwk)).toBe(await deviceThumbprint(device.publicJwk));
    const jws = await signClaims(restored, "receipt", receipt);
    expect(await verifyClaims(device.publicJwk, "receipt", jws)).toEqual(receipt);
  });

  it("shows no private part in its public one", () => {
    expect(Object.keys(device.publicJwk).sort()).toEqual(["crv", "kty", "x", "y"]);
  });

  it("has the thumbprint of RFC 7638, whatever the order of its members", async () => {
    const { x, y } = device.publicJwk;
    const hash = await crypto.subtle.digest("SHA-256", Buffer.from(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
    expect(await deviceThumbprint({ y, x, kty: "EC", crv: "P-256" })).toBe(Buffer.from(hash).toString("base64url"));
  });

  it("is refused when it is not a P-256 key", async () => {
    const p384 = await exportPKCS8((await generateKeyPair("ES384", { extractable: true })).privateKey);
    for (const pem of ["", "no key", p384]) await expect(importDeviceKey(pem)).rejects.toMatchObject({ code: "invalid_key" });
    const offCurve = { ...device.publicJwk, x: "A".repeat(43) };
    await expect(verifyClaims(offCurve, "receipt", "a.b.c")).rejects.toMatchObject({ code: "invalid_key" });
    await expect(deviceThumbprint({ ...device.publicJwk, x: "short" })).rejects.toMatchObject({ code: "invalid_key" });
  });
});
