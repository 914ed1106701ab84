import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type ChatEvent, type ChatRequest, chatEvent, chatRequest } from "@umbel/dialects";
import {
  createChunkOpener,
  encodeFrame,
  type Frame,
  FrameKind,
  fromBase64,
  type InferenceRequest,
  inferenceRequest,
  type ModelInfo,
  sealRequestBody,
  toBase64,
  utf8,
  wrapContentKey,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { z } from "zod";

/** The built worker: tests run it as the process it is. */
export const workerEntry = fileURLToPath(new URL("../../../bundle/worker.js", import.meta.url));

/** A build without files, for the scripted engine. */
export const scriptedModel: ModelInfo = {
  id: "scripted-1",
  size_bytes: 1,
  format: "gguf",
  context_length: 4096,
  weight_hash: "0".repeat(64),
  capabilities: ["chat"],
};

export function chatOf(text: string, overrides: Partial<z.input<typeof chatRequest>> = {}): ChatRequest {
  return chatRequest.parse({
    model: scriptedModel.id,
    messages: [{ role: "user", content: [{ type: "text", text }] }],
    maxOutputTokens: 64,
    ...overrides,
  });
}

/** A request as a coordinator sends it, and the means to read its answer. */
export interface SealedChat {
  readonly request: InferenceRequest;
  /** The binary frame that follows the control message. */
  readonly body: Uint8Array;
  /** Opens the chunk frames of the answer to the attempt with this nonce. */
  open(
    responseNonce: string,
    frames: readonly Frame[],
  ): Promise<{ readonly events: ChatEvent[]; readonly chunks: ChatEvent[][]; readonly isFinal: boolean }>;
}

export interface SealOptions {
  /** What is sealed; text is taken as it is, so that it can be something else than a request. */
  readonly plaintext?: string;
  readonly metadata?: Partial<Pick<InferenceRequest, "build_id" | "max_output_tokens">>;
}

/** Seals a chat to a worker's key the way the coordinator does. */
export async function sealChat(encryptionKey: string, chat: ChatRequest, options: SealOptions = {}): Promise<SealedChat> {
  const suite = "x25519-sha256-aes256gcm";
  const requestId = inferenceRequest.shape.request_id.parse(randomUUID());
  const metadata = { request_id: requestId, build_id: chat.model, max_output_tokens: chat.maxOutputTokens ?? 64, ...options.metadata };
  const recipientPublicKey = fromBase64(encryptionKey);
  const plaintext = utf8(options.plaintext ?? JSON.stringify(chat));
  const { contentKey, ciphertext } = await sealRequestBody(nativeCrypto, { metadata, plaintext, suite });
  const wrap = await wrapContentKey(nativeCrypto, { requestId, contentKey, recipientPublicKey, suite });
  return {
    request: {
      type: "inference_request",
      ...metadata,
      attempt: 0,
      prompt_tokens_estimate: 10,
      deadline_ms: 10_000,
      suite,
      wrap: { enc: toBase64(wrap.enc), ct: toBase64(wrap.ct) },
      body_bytes: ciphertext.length,
    },
    body: encodeFrame({ kind: FrameKind.requestBody, requestId, sequence: 0, payload: ciphertext }),
    async open(responseNonce, frames) {
      const { responseSecret } = wrap;
      const opener = await createChunkOpener(nativeCrypto, {
        ...{ requestId, responseSecret, recipientPublicKey, suite },
        responseNonce: fromBase64(responseNonce),
      });
      const chunks: ChatEvent[][] = [];
      for (const frame of frames.filter((one) => one.requestId === requestId)) {
        const opened = await opener.open(frame.sequence, frame.payload);
        chunks.push(z.array(chatEvent).parse(JSON.parse(Buffer.from(opened.plaintext).toString())));
      }
      return { events: chunks.flat(), chunks, isFinal: opener.ended };
    },
  };
}

/** All the text of an answer. */
export function textOf(events: readonly ChatEvent[]): string {
  return events.map((event) => (event.type === "text" ? event.text : "")).join("");
}
