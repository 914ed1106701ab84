import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex, utf8 } from "./bytes.js";
import { createDigestChain } from "./digest-chain.js";
import { keyThumbprint, sha256 } from "./hash.js";
import { requestId } from "./messages/common.js";
import { nativeCrypto } from "./native/native-crypto.js";
import { uuidToBytes } from "./uuid.js";

const id = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f");

describe("SHA-256", () => {
  it("matches FIPS 180-4's example and hashes parts as one message", () => {
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for (const hash of [sha256, nativeCrypto.sha256]) {
      expect(toHex(hash(utf8("abc")))).toBe(expected);
      expect(toHex(hash(utf8("a"), new Uint8Array(0), utf8("bc")))).toBe(expected);
    }
  });

  it("of a key is its thumbprint", () => {
    expect(keyThumbprint(new Uint8Array(32))).toEqual(sha256(new Uint8Array(32)));
  });
});

describe("the digest chain of a response", () => {
  it("starts at the hash of the request id", () => {
    expect(createDigestChain(id).digest()).toBe(toHex(sha256(uuidToBytes(id))));
  });

  it("hashes each ciphertext behind the digest so far", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (ciphertexts) => {
        const portable = createDigestChain(id);
        const native = createDigestChain(id, nativeCrypto.sha256);
        let expected = createHash("sha256").update(uuidToBytes(id)).digest();
        for (const ciphertext of ciphertexts) {
          portable.update(ciphertext);
          native.update(ciphertext);
          expected = createHash("sha256").update(expected).update(ciphertext).digest();
        }
        expect(portable.digest()).toBe(expected.toString("hex"));
        expect(native.digest()).toBe(expected.toString("hex"));
      }),
      { numRuns: 30 },
    );
  });

  it("tells apart other orders, other cuts and other requests", () => {
    const [a, b] = [utf8("first"), utf8("second")];
    const digestOf = (parts: Uint8Array[], request = id): string => {
      const chain = createDigestChain(request);
      for (const part of parts) chain.update(part);
      return chain.digest();
    };
    const other = requestId.parse("00000000-0000-4000-8000-000000000000");
    const digests = [digestOf([a, b]), digestOf([b, a]), digestOf([a]), digestOf([utf8("firstsecond")]), digestOf([a, b], other)];
    expect(new Set(digests).size).toBe(digests.length);
  });
});
