import { afterEach, describe, expect, it, vi } from "vitest";

describe("the main door", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("works where Node's own globals are missing, as in a browser", async () => {
    for (const name of ["Buffer", "setImmediate", "global"]) vi.stubGlobal(name, undefined);
    const protocol = await import("./index.js");
    const { webCrypto, requestId } = protocol;
    const suite = "x25519-sha256-aes256gcm";
    const keyPair = await protocol.generateKeyPair(webCrypto);
    const recipientPublicKey = keyPair.publicKey;
    const request = requestId.parse("6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f");
    const metadata = { request_id: request, build_id: "sprout-3m-q8_0", max_output_tokens: 8 };

    const plaintext = protocol.utf8("hello");
    const sealed = await protocol.sealRequestBody(webCrypto, { metadata, plaintext, suite });
    const { enc, ct } = await protocol.wrapContentKey(webCrypto, {
      requestId: request,
      contentKey: sealed.contentKey,
      recipientPublicKey,
      suite,
    });
    const wire = JSON.parse(JSON.stringify({ enc: protocol.toBase64(enc), ct: protocol.toBase64(ct) }));

    const wrap = { enc: protocol.fromBase64(wire.enc), ct: protocol.fromBase64(wire.ct) };
    const { contentKey } = await protocol.openWrap(webCrypto, { requestId: request, ...wrap, keyPair, suite });
    const opened = await protocol.openRequestBody(webCrypto, { metadata, contentKey, ciphertext: sealed.ciphertext, suite });
    expect(protocol.fromUtf8(opened)).toBe("hello");

    const device = await protocol.generateDeviceKey();
    expect(await protocol.deviceThumbprint(device.publicJwk)).toMatch(/^[\w-]{43}$/);
  });
});
