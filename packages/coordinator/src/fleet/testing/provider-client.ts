import {
  type Capacity,
  type Challenge,
  type ChallengeClaims,
  type ClaimsOf,
  type DeviceKeyPair,
  decodeFrame,
  decodeFromCoordinator,
  deviceThumbprint,
  type EncryptionKeyPair,
  type FromCoordinator,
  type FromProvider,
  generateDeviceKey,
  generateKeyPair,
  type Heartbeat,
  type InferenceRequest,
  keyThumbprint,
  type Location,
  type ModelInfo,
  type Register,
  type RegistrationClaims,
  type SignaturePurpose,
  type Slot,
  signClaims,
  toBase64,
  toHex,
  type Welcome,
} from "@umbel/protocol";
import { nativeCrypto } from "@umbel/protocol/native";
import { WebSocket } from "ws";
import { Inbox } from "./inbox.js";
import { ServedRequest } from "./served-request.js";

export const TEST_BUILD = "test-build";

/** An advertised build with plausible figures. */
export function testModel(change: Partial<ModelInfo> = {}): ModelInfo {
  return {
    id: TEST_BUILD,
    size_bytes: 3_000_000,
    format: "gguf",
    context_length: 8192,
    weight_hash: "ab".repeat(32),
    capabilities: ["chat", "tools", "json"],
    ...change,
  };
}

/** One resident, idle model with eight places. */
export function testSlot(change: Partial<Slot> = {}): Slot {
  return {
    model: TEST_BUILD,
    state: "idle",
    num_running: 0,
    num_waiting: 0,
    max_concurrency: 8,
    active_tokens: 0,
    token_budget_used: 0,
    token_budget_max: 100_000,
    observed_decode_tps: 200,
    ...change,
  };
}

export interface ProviderClientOptions {
  /** `ws://…/ws/provider` */
  readonly url: string;
  /** Wall clock of the coordinator under test. */
  readonly now: () => Date;
  readonly models?: readonly ModelInfo[];
  readonly slots?: readonly Slot[];
  /** Default: a fresh machine. */
  readonly device?: DeviceKeyPair;
  readonly authToken?: string;
  readonly privateOnly?: boolean;
  readonly location?: Location;
  readonly version?: string;
  /** Of the release that it says it is. */
  readonly runtimeHash?: string;
  /** What it says it can do; `models/1` takes loads. Default: nothing. */
  readonly features?: readonly string[];
  /** Headers of the upgrade. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What to do with each request; default answers "Hello from the test provider." */
  readonly serve?: (request: ServedRequest) => Promise<void> | void;
  /** Whether challenges after the first are answered by themselves; default true. */
  readonly answersChallenges?: boolean;
}

/** A provider for tests that speaks the real protocol over a real socket and does exactly what it is told, right or wrong. */
export class ProviderClient {
  readonly messages = new Inbox<FromCoordinator>();
  readonly requests = new Inbox<ServedRequest>();
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly device: DeviceKeyPair;
  readonly keyPair: EncryptionKeyPair;
  readonly machineId: string;
  /** Known once registered. */
  sessionId = "";
  readonly socket: WebSocket;
  readonly #options: ProviderClientOptions;
  readonly #models: readonly ModelInfo[];
  readonly #bodies = new Map<string, InferenceRequest>();
  readonly #serving = new Map<string, ServedRequest>();
  #counter = 0;

  private constructor(options: ProviderClientOptions, identity: Pick<ProviderClient, "device" | "machineId" | "keyPair">) {
    this.#options = options;
    this.#models = options.models ?? [testModel()];
    this.device = identity.device;
    this.machineId = identity.machineId;
    this.keyPair = identity.keyPair;
    this.socket = new WebSocket(options.url, { headers: { ...options.headers }, perMessageDeflate: false });
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on("message", (data, isBinary) => {
      if (Buffer.isBuffer(data)) this.#receive(data, isBinary);
    });
  }

  /** Opens a socket and sends nothing. Rejects with the HTTP status when the upgrade is refused. */
  static async open(options: ProviderClientOptions): Promise<ProviderClient> {
    const device = options.device ?? (await generateDeviceKey());
    const machineId = await deviceThumbprint(device.publicJwk);
    const client = new ProviderClient(options, { device, machineId, keyPair: await generateKeyPair(nativeCrypto) });
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", resolve);
      client.socket.once("error", reject);
      client.socket.once("unexpected-response", (_request, response) => reject(new Error(`HTTP ${response.statusCode}`)));
    });
    // Resets are part of many tests; what matters shows in `closed`.
    client.socket.on("error", () => client.socket.terminate());
    return client;
  }

  /** Opens, registers, reports its slots, proves its key, and waits until the coordinator has said how it stands. */
  static async connect(options: ProviderClientOptions): Promise<ProviderClient> {
    const client = await ProviderClient.open(options);
    const welcome = await client.register();
    client.heartbeat();
    await client.answer(welcome.challenge);
    await client.receive("trust_status");
    return client;
  }

  /** Sends `register` and waits for the welcome. */
  async register(change: Partial<Register> = {}, claims: Partial<RegistrationClaims> = {}): Promise<Welcome> {
    this.send(await this.registerMessage(change, claims));
    const welcome = await this.receive("welcome");
    this.sessionId = welcome.session_id;
    return welcome;
  }

  /** A registration of this machine, signed; `change` is made after signing. */
  async registerMessage(change: Partial<Register> = {}, claims: Partial<RegistrationClaims> = {}): Promise<Register> {
    const version = this.#options.version ?? "1.0.0";
    const encryptionKey = toBase64(this.keyPair.publicKey);
    const runtime = this.#options.runtimeHash === undefined ? {} : { runtime_hash: this.#options.runtimeHash };
    const attestation = await this.sign("registration", {
      encryption_key: encryptionKey,
      version,
      backend: "scripted",
      ...runtime,
      weight_hashes: Object.fromEntries(this.#models.map((model) => [model.id, model.weight_hash])),
      sandbox: { network: "none", filesystem: "none", coreDumps: "unknown" },
      issued_at: this.timestamp(),
      ...claims,
    });
    const { authToken } = this.#options;
    return {
      type: "register",
      protocol: 1,
      version,
      backend: "scripted",
      ...runtime,
      features: [...(this.#options.features ?? [])],
      hardware: {
        platform: "linux",
        arch: "x64",
        os_version: "test",
        chip_name: "test",
        compute_class: "cpu-test",
        memory_gb: 16,
        cpu_cores: 8,
        gpus: [],
      },
      models: [...this.#models],
      encryption_key: encryptionKey,
      device_key: this.device.publicJwk,
      attestation,
      ...(authToken === undefined ? {} : { auth_token: authToken }),
      private_only: this.#options.privateOnly ?? false,
      ...(this.#options.location && { location: this.#options.location }),
      decode_tps: 200,
      prefill_tps: 2000,
      ...change,
    };
  }

  /** Answers a challenge; `claims` replaces what the answer says, `nonce` the one it is for. */
  async answer(challenge: Challenge, change: { readonly claims?: Partial<ChallengeClaims>; readonly nonce?: string } = {}): Promise<void> {
    this.#counter += 1;
    const attestation = await this.sign("challenge", {
      nonce: challenge.nonce,
      timestamp: challenge.timestamp,
      session_id: this.sessionId,
      encryption_key_thumbprint: toHex(keyThumbprint(this.keyPair.publicKey)),
      counter: this.#counter,
      ...change.claims,
    });
    this.send({ type: "attestation_response", nonce: change.nonce ?? challenge.nonce, attestation });
  }

  /** Reports capacity; default is the slots it was made with. */
  heartbeat(
    slots: readonly Slot[] = this.#options.slots ?? this.#models.map((model) => testSlot({ model: model.id })),
    capacity: Partial<Capacity> = {},
    stats: Partial<Heartbeat["stats"]> = {},
  ): void {
    this.send({
      type: "heartbeat",
      status: "idle",
      stats: { requests_served: 0, tokens_generated: 0, cancellations_received: 0, errors: 0, worker_restarts: 0, ...stats },
      system_metrics: { memory_pressure: 0.1, cpu_usage: 0.1, thermal_state: "nominal" },
      capacity: { slots: [...slots], total_memory_gb: 16, free_for_load_gb: 8, ...capacity },
    });
  }

  /** The next message of a type, now or later. */
  receive<Type extends FromCoordinator["type"]>(type: Type): Promise<Extract<FromCoordinator, { type: Type }>> {
    return this.messages.take(type, (message): message is Extract<FromCoordinator, { type: Type }> => message.type === type);
  }

  /** The next request that no `serve` function takes. */
  request(): Promise<ServedRequest> {
    return this.requests.take("request", (request): request is ServedRequest => request instanceof ServedRequest);
  }

  send(message: FromProvider): void {
    this.sendText(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  sendBinary(bytes: Uint8Array): void {
    this.socket.send(bytes, { binary: true });
  }

  sign<Purpose extends SignaturePurpose>(purpose: Purpose, claims: ClaimsOf<Purpose>): Promise<string> {
    return signClaims(this.device, purpose, claims);
  }

  timestamp(): string {
    return this.#options.now().toISOString();
  }

  weightHash(build: string): string {
    return this.#models.find((model) => model.id === build)?.weight_hash ?? "";
  }

  /** Resolves when the coordinator has taken in everything sent so far: a pong overtakes no frame. */
  async taken(): Promise<void> {
    const pong = new Promise((resolve) => this.socket.once("pong", resolve));
    this.socket.ping();
    await pong;
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }

  /** Ends the connection without a word, as a crash does. */
  kill(): void {
    this.socket.terminate();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (isBinary) {
      this.#receiveBody(data);
      return;
    }
    const decoded = decodeFromCoordinator(data.toString("utf8"));
    if (!decoded.ok) throw new Error(`the coordinator sent something unreadable: ${decoded.reason}`);
    const { message } = decoded;
    if (message.type === "inference_request") this.#bodies.set(message.request_id, message);
    if (message.type === "cancel") this.#serving.get(message.request_id)?.cancel();
    if (message.type === "attestation_challenge" && this.#options.answersChallenges !== false) void this.answer(message);
    this.messages.put(message);
  }

  #receiveBody(data: Buffer): void {
    const frame = decodeFrame(data);
    const message = this.#bodies.get(frame.requestId);
    if (!message) throw new Error("the coordinator sent a body without its request");
    this.#bodies.delete(frame.requestId);
    const request = new ServedRequest(this, this.keyPair, message, frame.payload);
    this.#serving.set(frame.requestId, request);
    const { serve } = this.#options;
    if (serve) void serve(request);
    else this.requests.put(request);
  }
}
