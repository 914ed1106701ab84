import { describe, expect, it } from "vitest";
import { fromHex, toHex, utf8 } from "../bytes.js";
import { supportedSuites } from "../envelope/index.js";
import { nativeCrypto } from "../native/native-crypto.js";
import { hkdfExpand, hkdfExtract } from "./hkdf.js";
import { type CipherName, type CryptoSupplier, generateKeyPair, importKeyPair } from "./supplier.js";
import { webCrypto } from "./web-crypto.js";

const suppliers: [string, CryptoSupplier][] = [
  ["native", nativeCrypto],
  ["WebCrypto", webCrypto],
];
const nonce = new Uint8Array(12).fill(3);
const aad = utf8("associated");
const plaintext = utf8("plain");

/** All points of low order on Curve25519 and its twist, in canonical encoding (RFC 7748 §7; cr.yp.to/ecdh.html#validate). */
const lowOrderPoints = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

describe.each(suppliers)("the %s supplier", (_, supplier) => {
  it("computes X25519 as in RFC 7748 §6.1", async () => {
    const alice = await importKeyPair(supplier, fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    expect(toHex(alice.publicKey)).toBe("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    const secret = await supplier.diffieHellman(
      alice.privateKey,
      fromHex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
    );
    expect(toHex(secret)).toBe("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  });

  it("agrees on a secret between fresh pairs", async () => {
    const [a, b] = [await generateKeyPair(supplier), await generateKeyPair(supplier)];
    expect(a.publicKey).toHaveLength(32);
    expect(a.publicKey).not.toEqual(b.publicKey);
    expect(await supplier.diffieHellman(a.privateKey, b.publicKey)).toEqual(await supplier.diffieHellman(b.privateKey, a.publicKey));
  });

  it.each(lowOrderPoints)("refuses the low-order point %s", async (point) => {
    const { privateKey } = await generateKeyPair(supplier);
    await expect(async () => supplier.diffieHellman(privateKey, fromHex(point))).rejects.toMatchObject({ code: "invalid_public_key" });
  });

  it.each([0, 31, 33])("refuses public and private keys of %d bytes", async (length) => {
    const { privateKey } = await generateKeyPair(supplier);
    const bytes = new Uint8Array(length).fill(9);
    await expect(async () => supplier.diffieHellman(privateKey, bytes)).rejects.toMatchObject({ code: "invalid_public_key" });
    await expect(async () => importKeyPair(supplier, bytes)).rejects.toMatchObject({ code: "invalid_private_key" });
  });

  it("refuses a private key of another supplier", async () => {
    const other = supplier === nativeCrypto ? webCrypto : nativeCrypto;
    const { privateKey, publicKey } = await generateKeyPair(other);
    await expect(async () => supplier.diffieHellman(privateKey, publicKey)).rejects.toMatchObject({ code: "foreign_key" });
  });

  it("runs HKDF as in RFC 5869 A.1 and, without salt, A.3", () => {
    const secret = new Uint8Array(22).fill(0x0b);
    const salted = hkdfExtract(supplier, fromHex("000102030405060708090a0b0c"), secret);
    expect(toHex(salted)).toBe("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    expect(toHex(hkdfExpand(supplier, salted, 42, fromHex("f0f1f2f3f4f5f6f7f8f9")))).toBe(
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
    );
    const unsalted = hkdfExtract(supplier, new Uint8Array(0), secret);
    expect(toHex(unsalted)).toBe("19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    expect(toHex(hkdfExpand(supplier, unsalted, 42))).toBe(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
    );
  });

  it.each(supplier.ciphers)("opens with %s only what was sealed", async (name) => {
    const cipher = await supplier.createCipher(name, keyFor(name));
    const ciphertext = await cipher.seal({ nonce, aad, plaintext });
    expect(ciphertext).toHaveLength(plaintext.length + 16);
    expect(await cipher.open({ nonce, aad, ciphertext })).toEqual(plaintext);
    const wrong = [
      { nonce: new Uint8Array(12), aad, ciphertext },
      { nonce, aad: utf8("other"), ciphertext },
      { nonce, aad, ciphertext: ciphertext.subarray(1) },
      { nonce, aad, ciphertext: ciphertext.subarray(0, 15) },
      { nonce, aad, ciphertext: new Uint8Array(0) },
    ];
    for (const input of wrong) await expect(async () => cipher.open(input)).rejects.toMatchObject({ code: "authentication" });
  });

  it.each(supplier.ciphers)("leaves room in front of what %s seals", async (name) => {
    const cipher = await supplier.createCipher(name, keyFor(name));
    const framed = await cipher.seal({ nonce, aad, plaintext, headroom_bytes: 21 });
    expect(framed.subarray(0, 21)).toEqual(new Uint8Array(21));
    expect(framed.subarray(21)).toEqual(await cipher.seal({ nonce, aad, plaintext }));
  });

  it.each(supplier.ciphers)("seals nothing, and a view of shared memory, with %s", async (name) => {
    const cipher = await supplier.createCipher(name, keyFor(name));
    const empty = await cipher.seal({ nonce, aad, plaintext: new Uint8Array(0) });
    expect(await cipher.open({ nonce, aad, ciphertext: empty })).toHaveLength(0);
    const shared = new Uint8Array(new SharedArrayBuffer(plaintext.length));
    shared.set(plaintext);
    expect(await cipher.seal({ nonce, aad, plaintext: shared })).toEqual(await cipher.seal({ nonce, aad, plaintext }));
  });

  it("refuses keys of the wrong length", async () => {
    await expect(async () => supplier.createCipher("aes-256-gcm", new Uint8Array(16))).rejects.toMatchObject({
      code: "invalid_key_length",
    });
    await expect(async () => supplier.createCipher("aes-128-gcm", new Uint8Array(32))).rejects.toMatchObject({
      code: "invalid_key_length",
    });
  });

  it("draws fresh random bytes", () => {
    expect(supplier.randomBytes(32)).toHaveLength(32);
    expect(supplier.randomBytes(32)).not.toEqual(supplier.randomBytes(32));
  });
});

describe("the two suppliers", () => {
  it.each(webCrypto.ciphers)("seal the same bytes with %s", async (name) => {
    const [native, web] = [await nativeCrypto.createCipher(name, keyFor(name)), await webCrypto.createCipher(name, keyFor(name))];
    expect(await native.seal({ nonce, aad, plaintext })).toEqual(await web.seal({ nonce, aad, plaintext }));
  });

  it("state the suites they have; WebCrypto has no ChaCha20-Poly1305", async () => {
    expect(supportedSuites(nativeCrypto)).toEqual(["x25519-sha256-aes256gcm", "x25519-sha256-chacha20poly1305"]);
    expect(supportedSuites(webCrypto)).toEqual(["x25519-sha256-aes256gcm"]);
    await expect(async () => webCrypto.createCipher("chacha20-poly1305", new Uint8Array(32))).rejects.toMatchObject({
      code: "unsupported_cipher",
    });
  });
});

function keyFor(name: CipherName): Uint8Array {
  return new Uint8Array(name === "aes-128-gcm" ? 16 : 32).fill(7);
}
