import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  type ChunkOptions,
  createChunkOpener,
  deviceThumbprint,
  fromBase64,
  type InferenceRequest,
  inferenceRequest,
  keyThumbprint,
  sealRequestBody,
  toBase64,
  toHex,
  utf8,
  verifyClaims,
  wrapContentKey,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadOrCreateDeviceKey } from "./device-key-file.js";
import { openVault } from "./vault.js";

let home: string;
let keyFile: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-vault-"));
  keyFile = path.join(home, "device.pem");
});
afterEach(() => rm(home, { recursive: true }));

describe("device key file", () => {
  it("is made once, readable by its owner only, and stays the machine's identity", async () => {
    const first = await loadOrCreateDeviceKey(keyFile);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(home)).toEqual(["device.pem"]);
    const second = await loadOrCreateDeviceKey(keyFile);
    expect(await deviceThumbprint(second.publicJwk)).toBe(await deviceThumbprint(first.publicJwk));
  });

  it("is one key even when two processes make it at once", async () => {
    const [one, other] = await Promise.all([loadOrCreateDeviceKey(keyFile), loadOrCreateDeviceKey(keyFile)]);
    expect(one.publicJwk).toEqual(other.publicJwk);
  });

  it("is refused, and left as it is, when others can read it", async () => {
    await loadOrCreateDeviceKey(keyFile);
    await chmod(keyFile, 0o640);
    await expect(loadOrCreateDeviceKey(keyFile)).rejects.toMatchObject({ code: "key_exposed" });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o640);
  });

  it("says so when the folder does not take it", async () => {
    await expect(loadOrCreateDeviceKey(path.join(home, "nowhere", "device.pem"))).rejects.toMatchObject({ code: "key_unwritable" });
  });

  it.each([
    ["is damaged", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"],
    ["is larger than a key can be", "x".repeat(5000)],
  ])("is refused, and never replaced, when it %s", async (_name, contents) => {
    await writeFile(keyFile, contents, { mode: 0o600 });
    await expect(loadOrCreateDeviceKey(keyFile)).rejects.toMatchObject({ code: "key_invalid" });
    expect(await readFile(keyFile, "utf8")).toBe(contents);
  });
});

const requestId = inferenceRequest.shape.request_id.parse("5f0c9a52-6a3a-4b3e-9d0c-0a7a3f1f2b11");
const suite = "x25519-sha256-aes256gcm";

async function sealed(encryptionKey: string): Promise<{ request: InferenceRequest; body: Uint8Array; responseSecret: Uint8Array }> {
  const metadata = { request_id: requestId, build_id: "tiny", max_output_tokens: 16 };
  const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext: utf8("hello"), suite });
  const wrap = await wrapContentKey(nativeCrypto, { requestId, contentKey, recipientPublicKey: fromBase64(encryptionKey), suite });
  const request: InferenceRequest = {
    type: "inference_request",
    ...metadata,
    attempt: 0,
    prompt_tokens_estimate: 1,
    deadline_ms: 5000,
    suite,
    wrap: { enc: toBase64(wrap.enc), ct: toBase64(wrap.ct) },
    body_bytes: ciphertext.length,
  };
  return { request, body: ciphertext, responseSecret: wrap.responseSecret };
}

describe("vault", () => {
  const clock = createFakeClock();

  it("opens what was sealed to it, and seals an answer that the sender opens", async () => {
    const vault = await openVault({ keyFile, clock });
    const { request, body, responseSecret } = await sealed(vault.encryptionKey);
    const responseNonce = vault.drawResponseNonce();
    const opened = await vault.openRequest(request, body, responseNonce);
    expect(Buffer.from(opened.plaintext).toString()).toBe("hello");
    const recipientPublicKey = fromBase64(vault.encryptionKey);
    const options: ChunkOptions = { requestId, responseSecret, responseNonce, recipientPublicKey, suite };
    const opener = await createChunkOpener(nativeCrypto, options);
    const chunk = await opener.open(0, await opened.sealer.seal(utf8("answer"), "final"));
    expect(Buffer.from(chunk.plaintext).toString()).toBe("answer");
  });

  it("refuses a request whose clear metadata was changed on the way", async () => {
    const vault = await openVault({ keyFile, clock });
    const { request, body } = await sealed(vault.encryptionKey);
    const changed = { ...request, max_output_tokens: 17 };
    await expect(vault.openRequest(changed, body, vault.drawResponseNonce())).rejects.toMatchObject({ code: "authentication" });
  });

  it("draws another encryption key in every process, so that a request to the old one cannot be opened", async () => {
    const before = await openVault({ keyFile, clock });
    const { request, body } = await sealed(before.encryptionKey);
    const after = await openVault({ keyFile, clock });
    expect(after.encryptionKey).not.toBe(before.encryptionKey);
    await expect(after.openRequest(request, body, after.drawResponseNonce())).rejects.toMatchObject({ code: "authentication" });
  });

  it("signs a registration that names its own keys", async () => {
    const vault = await openVault({ keyFile, clock });
    const sandbox = { network: "guarded", filesystem: "none", coreDumps: "unknown" } as const;
    const jws = await vault.signRegistration({ version: "0.1.0", backend: "scripted", weight_hashes: {}, sandbox });
    const claims = await verifyClaims(vault.deviceKey, "registration", jws);
    expect(claims).toMatchObject({ encryption_key: vault.encryptionKey, sandbox, issued_at: clock.date().toISOString() });
  });

  it("answers a challenge for one session, counting its answers", async () => {
    const vault = await openVault({ keyFile, clock });
    const challenge = { nonce: toBase64(new Uint8Array(32)), timestamp: clock.date().toISOString() };
    await vault.signChallenge(challenge, "session-1");
    const jws = (await vault.signChallenge(challenge, "session-2")) ?? "";
    expect(await verifyClaims(vault.deviceKey, "challenge", jws)).toEqual({
      ...challenge,
      session_id: "session-2",
      encryption_key_thumbprint: toHex(keyThumbprint(fromBase64(vault.encryptionKey))),
      counter: 2,
    });
  });

  it.each([
    ["a nonce of another length", { nonce: toBase64(new Uint8Array(31)), timestamp: clock.date().toISOString() }],
    ["a time five minutes off", { nonce: toBase64(new Uint8Array(32)), timestamp: "2026-01-01T00:05:01Z" }],
    ["a time that is none", { nonce: toBase64(new Uint8Array(32)), timestamp: "soon" }],
  ])("signs no challenge with %s", async (_name, challenge) => {
    const vault = await openVault({ keyFile, clock });
    expect(await vault.signChallenge(challenge, "session")).toBeUndefined();
  });
});
