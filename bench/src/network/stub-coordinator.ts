/**
 * The least that can stand in a coordinator's place: accepts one provider, seals requests to it and opens its chunks. It shows what agent and
 * worker cost without the coordinator's HTTP, money and routing.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { type ChatRequest, decodeEvents, encodeChatRequest } from "@umbel/dialects";
import {
  type ChunkOpener,
  createChunkOpener,
  decodeFrame,
  decodeFromProvider,
  encodeFrame,
  FrameKind,
  fromBase64,
  type InferenceAccepted,
  type Register,
  requestId,
  sealRequestBody,
  toBase64,
  wrapContentKey,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { type WebSocket, WebSocketServer } from "ws";
import type { StreamSample } from "./load.js";

const SUITE = "x25519-sha256-aes256gcm";

interface Running {
  readonly responseSecret: Uint8Array;
  readonly begin: number;
  opener?: Promise<ChunkOpener>;
  /** Chunks are opened one after the other. */
  tail: Promise<void>;
  firstToken_ms: number;
  readonly done: (sample: StreamSample) => void;
  readonly failed: (error: Error) => void;
}

export interface StubCoordinator {
  readonly url: string;
  /** Resolves when a provider has registered. */
  readonly registered: Promise<void>;
  infer(request: ChatRequest, maxOutputTokens: number): Promise<StreamSample>;
  close(): void;
}

export async function startStubCoordinator(): Promise<StubCoordinator> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/ws/provider", maxPayload: 32 * 2 ** 20 });
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stub has no port");
  const running = new Map<string, Running>();
  let provider: { readonly socket: WebSocket; readonly register: Register } | undefined;

  const registered = new Promise<void>((resolve) => {
    server.on("connection", (socket) => {
      socket.on("message", (data: Buffer, binary) => {
        if (binary) return onChunk(data);
        const decoded = decodeFromProvider(data.toString());
        if (!decoded.ok) return;
        const { message } = decoded;
        if (message.type === "register") {
          provider = { socket, register: message };
          socket.send(JSON.stringify(welcome()));
        } else if (message.type === "attestation_response") resolve();
        else if (message.type === "inference_accepted") onAccepted(message);
        else if (message.type === "inference_complete") {
          const request = running.get(message.request_id);
          running.delete(message.request_id);
          void request?.tail.then(() =>
            request.done({
              tokens: message.usage.completion_tokens,
              firstToken_ms: request.firstToken_ms,
              total_ms: performance.now() - request.begin,
            }),
          );
        } else if (message.type === "inference_error") {
          running.get(message.request_id)?.failed(new Error(`the provider failed: ${message.error_class}`));
          running.delete(message.request_id);
        }
      });
    });
  });

  function onAccepted(message: InferenceAccepted): void {
    const request = running.get(message.request_id);
    if (request === undefined || request.opener !== undefined || provider === undefined) return;
    request.opener = createChunkOpener(nativeCrypto, {
      requestId: message.request_id,
      responseSecret: request.responseSecret,
      responseNonce: fromBase64(message.response_nonce),
      recipientPublicKey: fromBase64(provider.register.encryption_key),
      suite: SUITE,
    });
  }

  function onChunk(data: Buffer): void {
    const frame = decodeFrame(data);
    const request = running.get(frame.requestId);
    if (request?.opener === undefined) return;
    const { opener } = request;
    request.tail = request.tail.then(async () => {
      const events = decodeEvents((await (await opener).open(frame.sequence, frame.payload)).plaintext);
      if (Number.isNaN(request.firstToken_ms) && events.some((event) => event.type === "text"))
        request.firstToken_ms = performance.now() - request.begin;
    });
  }

  return {
    url: `http://127.0.0.1:${address.port}`,
    registered,
    infer: async (request, maxOutputTokens) => {
      if (provider === undefined) throw new Error("no provider has registered");
      const begin = performance.now();
      const { socket, register } = provider;
      const id = requestId.parse(randomUUID());
      const metadata = { request_id: id, build_id: request.model, max_output_tokens: maxOutputTokens };
      const body = await sealRequestBody(nativeCrypto, { metadata, plaintext: encodeChatRequest(request), suite: SUITE });
      const wrap = await wrapContentKey(nativeCrypto, {
        requestId: id,
        contentKey: body.contentKey,
        recipientPublicKey: fromBase64(register.encryption_key),
        suite: SUITE,
      });
      return new Promise<StreamSample>((done, failed) => {
        running.set(id, { responseSecret: wrap.responseSecret, begin, tail: Promise.resolve(), firstToken_ms: Number.NaN, done, failed });
        const message = {
          type: "inference_request",
          ...metadata,
          attempt: 0,
          prompt_tokens_estimate: 32,
          deadline_ms: 60_000,
          suite: SUITE,
          wrap: { enc: toBase64(wrap.enc), ct: toBase64(wrap.ct) },
          body_bytes: body.ciphertext.length,
        };
        socket.send(JSON.stringify(message));
        socket.send(encodeFrame({ kind: FrameKind.requestBody, requestId: id, sequence: 0, payload: body.ciphertext }));
      });
    },
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

function welcome(): object {
  return {
    type: "welcome",
    session_id: randomUUID(),
    server_time: new Date().toISOString(),
    heartbeat_interval_ms: 5_000,
    max_frame_bytes: 10 * 2 ** 20,
    features: [],
    challenge: { nonce: randomBytes(32).toString("base64"), timestamp: new Date().toISOString().replace(/\.\d+Z$/, "Z") },
  };
}
