import type { ChatEvent } from "@umbel/dialects";
import {
  type ChunkPlace,
  type ChunkSealer,
  createChunkSealer,
  createDigestChain,
  type DigestChain,
  type EncryptionKeyPair,
  type ErrorClass,
  encodeFrame,
  FrameKind,
  fromBase64,
  type InferenceRequest,
  openRequestBody,
  openWrap,
  toBase64,
  toHex,
  type UsageReceipt,
  utf8,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import type { ProviderClient } from "./provider-client.js";

const USAGE = { prompt_tokens: 5, completion_tokens: 3, reasoning_tokens: 0, cached_prompt_tokens: 0 };

/** One request as the test provider received it, and the means to answer it well or badly. */
export class ServedRequest {
  readonly message: InferenceRequest;
  readonly sealedBody: Uint8Array;
  /** Aborted when the coordinator cancels the request. */
  readonly cancelled: AbortSignal;
  readonly responseNonce = nativeCrypto.randomBytes(16);
  /** Chunk frames sent so far through `chunk` and `rawChunk`. */
  chunks = 0;
  readonly #client: ProviderClient;
  readonly #keyPair: EncryptionKeyPair;
  readonly #cancel = new AbortController();
  readonly #digest: DigestChain;
  #sealer: Promise<ChunkSealer> | undefined;

  constructor(client: ProviderClient, keyPair: EncryptionKeyPair, message: InferenceRequest, sealedBody: Uint8Array) {
    this.#client = client;
    this.#keyPair = keyPair;
    this.message = message;
    this.sealedBody = sealedBody;
    this.cancelled = this.#cancel.signal;
    this.#digest = createDigestChain(message.request_id, nativeCrypto.sha256);
  }

  cancel(): void {
    this.#cancel.abort();
  }

  /** Opens the sealed body. */
  async plaintext(): Promise<Uint8Array> {
    const { request_id, build_id, max_output_tokens, suite } = this.message;
    const { contentKey } = await this.#openWrap();
    const metadata = { request_id, build_id, max_output_tokens };
    return openRequestBody(nativeCrypto, { metadata, contentKey, ciphertext: this.sealedBody, suite });
  }

  accept(phase: "queued" | "loading" | "prefilling" = "prefilling"): void {
    this.#client.send({
      type: "inference_accepted",
      request_id: this.message.request_id,
      phase,
      response_nonce: toBase64(this.responseNonce),
    });
  }

  /** Seals and sends one chunk of canonical events. */
  async chunk(events: readonly ChatEvent[], place: ChunkPlace = "more"): Promise<void> {
    this.#sealer ??= this.#createSealer();
    const sealer = await this.#sealer;
    const ciphertext = await sealer.seal(utf8(JSON.stringify(events)), place);
    this.rawChunk(ciphertext);
  }

  /** Sends bytes as the next chunk, or under any sequence number. */
  rawChunk(ciphertext: Uint8Array, sequence: number = this.chunks): void {
    this.chunks += 1;
    this.#digest.update(ciphertext);
    this.#client.sendBinary(
      encodeFrame({ kind: FrameKind.responseChunk, requestId: this.message.request_id, sequence, payload: ciphertext }),
    );
  }

  /** Sends `inference_complete` with a receipt for what was sent. `receipt` replaces what the receipt says, so that the two disagree. */
  async finish(options: { readonly usage?: UsageReceipt["usage"]; readonly receipt?: Partial<UsageReceipt> } = {}): Promise<void> {
    const usage = options.usage ?? USAGE;
    const finishReason = this.cancelled.aborted ? "cancelled" : "stop";
    const receipt = await this.#client.sign("receipt", {
      request_id: this.message.request_id,
      build_id: this.message.build_id,
      weight_hash: this.#client.weightHash(this.message.build_id),
      usage,
      finish_reason: finishReason,
      chunks: this.chunks,
      request_digest: toHex(nativeCrypto.sha256(this.sealedBody)),
      response_digest: this.#digest.digest(),
      started_at: this.#client.timestamp(),
      finished_at: this.#client.timestamp(),
      ...options.receipt,
    });
    const { request_id } = this.message;
    this.#client.send({ type: "inference_complete", request_id, usage, finish_reason: finishReason, chunks: this.chunks, receipt });
  }

  fail(errorClass: ErrorClass): void {
    this.#client.send({ type: "inference_error", request_id: this.message.request_id, error_class: errorClass });
  }

  /** A whole answer of one text, a chunk a word, with usage that counts the words. Stops early when cancelled. */
  async answer(text: string): Promise<void> {
    this.accept();
    const words = text.split(/(?<= )/);
    await this.chunk([{ type: "started", promptTokens: 5, cachedPromptTokens: 0 }]);
    let sent = 0;
    for (const word of words) {
      if (this.cancelled.aborted) break;
      await this.chunk([{ type: "text", text: word, tokens: 1 }]);
      sent += 1;
    }
    const usage = { promptTokens: 5, completionTokens: sent, reasoningTokens: 0, cachedPromptTokens: 0 };
    await this.chunk([{ type: "finish", reason: this.cancelled.aborted ? "cancelled" : "stop", usage }], "final");
    await this.finish({ usage: { prompt_tokens: 5, completion_tokens: sent, reasoning_tokens: 0, cached_prompt_tokens: 0 } });
  }

  /** A vector of two numbers for each text. */
  async embed(texts: number): Promise<void> {
    this.accept();
    await this.chunk([{ type: "started", promptTokens: 5, cachedPromptTokens: 0 }]);
    const vector = Buffer.from(new Float32Array([0.6, 0.8]).buffer).toString("base64");
    for (let index = 0; index < texts; index += 1) await this.chunk([{ type: "embedding", index, vector }]);
    const usage = { promptTokens: 5, completionTokens: 0, reasoningTokens: 0, cachedPromptTokens: 0 };
    await this.chunk([{ type: "finish", reason: "stop", usage }], "final");
    await this.finish({ usage: { prompt_tokens: 5, completion_tokens: 0, reasoning_tokens: 0, cached_prompt_tokens: 0 } });
  }

  async #createSealer(): Promise<ChunkSealer> {
    const { request_id: requestId, suite } = this.message;
    const { responseSecret } = await this.#openWrap();
    const { responseNonce } = this;
    const { publicKey: recipientPublicKey } = this.#keyPair;
    return createChunkSealer(nativeCrypto, { requestId, responseSecret, responseNonce, recipientPublicKey, suite });
  }

  #openWrap(): ReturnType<typeof openWrap> {
    const { request_id: requestId, suite, wrap } = this.message;
    return openWrap(nativeCrypto, {
      requestId,
      enc: fromBase64(wrap.enc),
      ct: fromBase64(wrap.ct),
      keyPair: this.#keyPair,
      suite,
    });
  }
}
