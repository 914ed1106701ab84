import {
  createAnswerSealer,
  type DeviceKeyPair,
  type EncryptionKeyDocument,
  type EncryptionKeyPair,
  encryptionKeyId,
  fromUtf8,
  generateDeviceKey,
  openTransportRequest,
  readTransportRequest,
  SEALED_CONTENT_TYPE,
  signClaims,
  toBase64,
  utf8,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";

const NOT_BEFORE_ms = Date.parse("2026-01-01T00:00:00Z");
const DAY_ms = 86_400_000;

/** A plain answer: JSON, or the texts that are written to an event stream one by one. */
export interface PlainAnswer {
  readonly status?: number;
  readonly json?: unknown;
  readonly events?: readonly string[];
}

/** Someone between consumer and coordinator: sees, and may change, what passes. */
export interface Wire {
  /** Everything that passed, both ways, as text. */
  seen: string;
  response?: (response: Response) => Response | Promise<Response>;
}

/** A coordinator's sealed mode on one page, over the real format: what a consumer's `fetch` talks to in tests. */
export class SealingCoordinator {
  readonly wire: Wire = { seen: "" };
  /** Bodies as they were opened, and the paths that they came by. */
  readonly requests: { readonly path: string; readonly body: unknown; readonly timestamp: string }[] = [];
  keyFetches: { readonly url: string; readonly cache: RequestCache | undefined }[] = [];
  suites: readonly string[] = ["x25519-sha256-aes256gcm", "x25519-sha256-chacha20poly1305"];
  readonly #answer: (body: unknown) => PlainAnswer;
  #keyPair: EncryptionKeyPair;
  #identity: Promise<DeviceKeyPair> | undefined;

  constructor(answer: (body: unknown) => PlainAnswer) {
    this.#answer = answer;
    this.#keyPair = freshKey();
  }

  rotate(): void {
    this.#keyPair = freshKey();
  }

  async document(): Promise<EncryptionKeyDocument> {
    const current = {
      kid: encryptionKeyId(this.#keyPair.publicKey),
      public_key: toBase64(this.#keyPair.publicKey),
      suites: [...this.suites],
      not_before: new Date(NOT_BEFORE_ms).toISOString(),
      expires_at: new Date(NOT_BEFORE_ms + 2 * DAY_ms).toISOString(),
    };
    this.#identity ??= generateDeviceKey();
    const identity = await this.#identity;
    const signature = await signClaims(identity, "encryption_keys", { keys: [current] });
    return { ...current, keys: [current], signer: identity.publicJwk, signature };
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input));
    if (url.pathname.endsWith("/v1/encryption-key")) {
      this.keyFetches.push({ url: url.href, cache: init?.cache });
      return Response.json(await this.document());
    }
    const sent = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
    this.wire.seen += Buffer.from(sent).toString("latin1");
    const response = await this.#respond(url.pathname.slice(url.pathname.lastIndexOf("/v1/")), sent, new Headers(init?.headers));
    const passed = (await this.wire.response?.(response)) ?? response;
    const [toConsumer, toRecord] = passed.body?.tee() ?? [null, null];
    this.wire.seen += Buffer.from(await new Response(toRecord).arrayBuffer().catch(() => new ArrayBuffer(0))).toString("latin1");
    return new Response(toConsumer, passed);
  };

  async #respond(path: string, sent: Uint8Array, headers: Headers): Promise<Response> {
    if (headers.get("content-type") !== SEALED_CONTENT_TYPE) return Response.json({ plain: true });
    const request = readTransportRequest(sent);
    const { kid, suite, timestamp } = request.header;
    if (kid !== encryptionKeyId(this.#keyPair.publicKey))
      return Response.json({ error: { code: "kid_mismatch", message: "", type: "" } }, { status: 400 });
    const opened = await openTransportRequest(nativeCrypto, { method: "POST", path, request, keyPair: this.#keyPair });
    const body: unknown = JSON.parse(fromUtf8(opened.plaintext));
    this.requests.push({ path, body, timestamp });
    const sealer = await createAnswerSealer(nativeCrypto, { answerSecret: opened.answerSecret, suite });
    const { status = 200, json, events } = this.#answer(body);
    if (events === undefined) {
      const bytes = await sealer.whole(status, utf8(JSON.stringify(json)));
      return new Response(bytes.slice(), { status, headers: { "content-type": SEALED_CONTENT_TYPE } });
    }
    let text = ":\n\n";
    for (const event of events) text += await sealer.event(utf8(event), "more");
    text += await sealer.event(new Uint8Array(0), "final");
    return new Response(text, { headers: { "content-type": "text/event-stream" } });
  }
}

function freshKey(): EncryptionKeyPair {
  const keyPair = nativeCrypto.generateKeyPair();
  if (keyPair instanceof Promise) throw new TypeError("the native supplier is synchronous");
  return keyPair;
}
