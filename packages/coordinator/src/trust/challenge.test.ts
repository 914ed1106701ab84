import {
  type AttestationResponse,
  type ChallengeClaims,
  type DeviceKeyPair,
  generateDeviceKey,
  keyThumbprint,
  signClaims,
  toHex,
} from "@umbel/protocol";
import { createFakeClock } from "@umbel/protocol/testing";
import { beforeAll, describe, expect, it } from "vitest";
import { type ChallengeContext, judgeAnswer, makeChallenge } from "./challenge.js";
import { createTrust } from "./create-trust.js";

const CHALLENGE = makeChallenge(new Uint8Array(32).fill(1), new Date("2026-01-01T00:00:00.987Z"));
const ENCRYPTION_KEY = new Uint8Array(32).fill(7);

let device: DeviceKeyPair;
let context: ChallengeContext;
beforeAll(async () => {
  device = await generateDeviceKey();
  context = {
    device: {
      machineId: "machine",
      deviceKey: device.publicJwk,
      encryptionKey: ENCRYPTION_KEY,
      encryptionKeyThumbprint: toHex(keyThumbprint(ENCRYPTION_KEY)),
      trustLevel: "self_signed",
    },
    sessionId: "session",
    challenge: CHALLENGE,
    lastCounter: 4,
  };
});

async function answer(change: Partial<ChallengeClaims> = {}, key: DeviceKeyPair = device): Promise<AttestationResponse> {
  const attestation = await signClaims(key, "challenge", {
    ...CHALLENGE,
    session_id: "session",
    encryption_key_thumbprint: context.device.encryptionKeyThumbprint,
    counter: 5,
    ...change,
  });
  return { type: "attestation_response", nonce: CHALLENGE.nonce, attestation };
}

describe("a challenge", () => {
  it("carries its nonce in base64 and its time in whole seconds", () => {
    expect(CHALLENGE).toEqual({ nonce: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", timestamp: "2026-01-01T00:00:00Z" });
  });

  it("is never the same twice", () => {
    let byte = 0;
    const trust = createTrust({
      clock: createFakeClock(),
      randomBytes: (length) => {
        byte += 1;
        return new Uint8Array(length).fill(byte);
      },
    });
    expect(trust.challenge().nonce).not.toBe(trust.challenge().nonce);
  });
});

describe("judging an answer", () => {
  it("passes one that is signed for exactly this challenge, and tells its counter", async () => {
    expect(await judgeAnswer(await answer(), context)).toEqual({ ok: true, counter: 5 });
  });

  it.each<[string, Partial<ChallengeClaims>]>([
    ["nonce mismatch", { nonce: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=" }],
    ["timestamp mismatch", { timestamp: "2026-01-01T00:00:01Z" }],
    ["session mismatch", { session_id: "another" }],
    ["public key mismatch", { encryption_key_thumbprint: "00".repeat(32) }],
    ["counter not increasing", { counter: 4 }],
    ["counter not increasing", { counter: 0 }],
  ])("fails with %s", async (reason, change) => {
    expect(await judgeAnswer(await answer(change), context)).toEqual({ ok: false, reason });
  });

  it("fails one that another key signed, or nobody", async () => {
    const failed = { ok: false, reason: "signature verification failed" };
    expect(await judgeAnswer(await answer({}, await generateDeviceKey()), context)).toEqual(failed);
    expect(await judgeAnswer({ ...(await answer()), attestation: "" }, context)).toEqual(failed);
  });
});
