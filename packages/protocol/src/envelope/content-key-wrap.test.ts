import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestId } from "../messages/common.js";
import { nativeCrypto } from "../native/native-crypto.js";
import { openWrap, wrapContentKey } from "./content-key-wrap.js";
import { chachaSuite, directions, flipped, providerKey, requestA, requestB, suite } from "./testing/exchange.js";

const contentKey = Uint8Array.from({ length: 32 }, (_, index) => index);

describe.each(directions)("a wrapped content key, %s", (_, sender, receiver) => {
  async function wrapped() {
    const keyPair = await providerKey(receiver);
    const wrap = await wrapContentKey(sender, { requestId: requestA, contentKey, recipientPublicKey: keyPair.publicKey, suite });
    return { keyPair, wrap };
  }

  it("opens at the provider, and both ends share a response secret", async () => {
    const keyPair = await providerKey(receiver);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.uuid(), async (key, uuid) => {
        const shared = { requestId: requestId.parse(uuid), suite } as const;
        const wrap = await wrapContentKey(sender, { ...shared, contentKey: key, recipientPublicKey: keyPair.publicKey });
        const { enc, ct, responseSecret } = wrap;
        expect([enc.length, ct.length, responseSecret.length]).toEqual([32, 48, 32]);
        expect(await openWrap(receiver, { ...shared, enc, ct, keyPair })).toEqual({ contentKey: key, responseSecret });
      }),
      { numRuns: 10 },
    );
  });

  it("does not open with any byte of its ciphertext or encapsulated key changed", async () => {
    const { keyPair, wrap } = await wrapped();
    for (let index = 0; index < wrap.ct.length; index++) {
      const opening = openWrap(receiver, { requestId: requestA, enc: wrap.enc, ct: flipped(wrap.ct, index), keyPair, suite });
      await expect(opening).rejects.toMatchObject({ code: "authentication" });
    }
    for (let index = 0; index < wrap.enc.length; index++) {
      const opening = openWrap(receiver, { requestId: requestA, enc: flipped(wrap.enc, index), ct: wrap.ct, keyPair, suite });
      await expect(opening).rejects.toMatchObject({ code: "authentication" });
    }
  });

  it("does not open for another request or at another provider", async () => {
    const { keyPair, wrap } = await wrapped();
    const otherRequest = openWrap(receiver, { requestId: requestB, enc: wrap.enc, ct: wrap.ct, keyPair, suite });
    await expect(otherRequest).rejects.toMatchObject({ code: "authentication" });
    const otherKey = await receiver.generateKeyPair();
    const otherProvider = openWrap(receiver, { requestId: requestA, enc: wrap.enc, ct: wrap.ct, keyPair: otherKey, suite });
    await expect(otherProvider).rejects.toMatchObject({ code: "authentication" });
    const claimedKey = { publicKey: otherKey.publicKey, privateKey: keyPair.privateKey };
    const misbound = openWrap(receiver, { requestId: requestA, enc: wrap.enc, ct: wrap.ct, keyPair: claimedKey, suite });
    await expect(misbound).rejects.toMatchObject({ code: "authentication" });
  });

  it("is malformed with wrong lengths or an encapsulated key of low order", async () => {
    const { keyPair, wrap } = await wrapped();
    const wrong = [
      { enc: wrap.enc.subarray(1), ct: wrap.ct },
      { enc: wrap.enc, ct: wrap.ct.subarray(1) },
      { enc: new Uint8Array(32), ct: wrap.ct },
    ];
    for (const input of wrong) {
      await expect(openWrap(receiver, { requestId: requestA, keyPair, suite, ...input })).rejects.toMatchObject({ code: "malformed" });
    }
  });

  it("takes a new encapsulation and a new secret each time", async () => {
    const [first, second] = [(await wrapped()).wrap, (await wrapped()).wrap];
    expect(first.enc).not.toEqual(second.enc);
    expect(first.responseSecret).not.toEqual(second.responseSecret);
  });

  it("cannot be made for a key of low order or of another length", async () => {
    for (const recipientPublicKey of [new Uint8Array(32), new Uint8Array(31)]) {
      const wrapping = wrapContentKey(sender, { requestId: requestA, contentKey, recipientPublicKey, suite });
      await expect(wrapping).rejects.toMatchObject({ name: "CryptoError", code: "invalid_public_key" });
    }
  });
});

describe("a wrapped content key", () => {
  it("must hold 32 bytes", async () => {
    const { publicKey } = await providerKey(nativeCrypto);
    const wrapping = wrapContentKey(nativeCrypto, {
      requestId: requestA,
      contentKey: new Uint8Array(16),
      recipientPublicKey: publicKey,
      suite,
    });
    await expect(wrapping).rejects.toMatchObject({ code: "malformed" });
  });

  it("belongs to its suite", async () => {
    const keyPair = await providerKey(nativeCrypto);
    const recipientPublicKey = keyPair.publicKey;
    const wrap = await wrapContentKey(nativeCrypto, { requestId: requestA, contentKey, recipientPublicKey, suite: chachaSuite });
    const { enc, ct } = wrap;
    const opened = await openWrap(nativeCrypto, { requestId: requestA, enc, ct, keyPair, suite: chachaSuite });
    expect(opened.contentKey).toEqual(contentKey);
    const confused = openWrap(nativeCrypto, { requestId: requestA, enc, ct, keyPair, suite });
    await expect(confused).rejects.toMatchObject({ code: "authentication" });
  });
});
