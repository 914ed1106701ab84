import { fromBase64, fromUtf8, generateDeviceKey, sealTransportRequest, utf8 } from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { createSealing, type Sealing } from "./sealing.js";

const HOUR_ms = 3_600_000;
const ROTATION_ms = 2 * HOUR_ms;
const route = { method: "POST", path: "/v1/messages" };

describe("sealing", () => {
  let clock: FakeClock;
  let sealing: Sealing;
  beforeEach(async () => {
    clock = createFakeClock();
    sealing = createSealing({ clock, identity: await generateDeviceKey(), rotation_ms: ROTATION_ms });
  });

  async function currentKey(): Promise<Uint8Array> {
    return fromBase64((await sealing.document()).document.public_key);
  }

  async function sealed(recipientPublicKey: Uint8Array): Promise<Uint8Array> {
    const options = { ...route, recipientPublicKey, suite: "x25519-sha256-aes256gcm", timestamp: clock.date() } as const;
    return (await sealTransportRequest(nativeCrypto, { ...options, plaintext: utf8("{}") })).body;
  }

  function open(envelope: Uint8Array) {
    return sealing.open({ ...route, envelope, accountId: "alice", body_bytes_max: 100 });
  }

  it("opens what was sealed to the current key or to the previous one, until that expires", async () => {
    const first = await currentKey();
    await clock.advance(ROTATION_ms);
    const second = await currentKey();
    expect(second).not.toEqual(first);
    expect(fromUtf8((await open(await sealed(first))).body)).toBe("{}");
    expect(fromUtf8((await open(await sealed(second))).body)).toBe("{}");
    await clock.advance(ROTATION_ms - 1);
    await open(await sealed(first));
    await clock.advance(1);
    await expect(open(await sealed(first))).rejects.toMatchObject({ status: 400, code: "kid_mismatch" });
    await open(await sealed(second));
  });

  it("signs the same document once, and another one when the keys are others", async () => {
    const { document } = await sealing.document();
    expect((await sealing.document()).document).toBe(document);
    await clock.advance(ROTATION_ms);
    const next = (await sealing.document()).document;
    expect(next.keys.map(({ kid }) => kid)).toEqual([next.kid, document.kid]);
    expect(next.signer).toEqual(document.signer);
    await clock.advance(ROTATION_ms);
    expect((await sealing.document()).document.keys).not.toContainEqual(document.keys[0]);
  });

  it("does not let a changed copy use up the genuine one", async () => {
    const envelope = await sealed(await currentKey());
    const changed = envelope.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await expect(open(changed)).rejects.toMatchObject({ code: "decryption_failed" });
    await open(envelope);
    await expect(open(envelope)).rejects.toMatchObject({ code: "replayed_request" });
  });

  it("takes one of many copies that come at once", async () => {
    const envelope = await sealed(await currentKey());
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open(envelope)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("lets its keys be cached no longer than they are current", async () => {
    expect((await sealing.document()).maxAge_s).toBe(300);
    const hasty = createSealing({ clock, identity: await generateDeviceKey(), rotation_ms: 20_000 });
    expect((await hasty.document()).maxAge_s).toBe(20);
  });
});
