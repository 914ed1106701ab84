import type { Challenge, DeviceKey, InferenceRequest, ModelInfo, Slot } from "@umbel/protocol";

/**
 * What agent and worker say to each other over their pipe. JSON for these; the sealed bytes of requests and chunks travel as binary
 * frames of the wire format unchanged, so the agent forwards them without looking in. The agent never sees plaintext or private keys.
 */
export type ToWorker =
  /** First message. `scripted` selects the engine for tests and load. */
  | { readonly type: "start"; readonly keyDirectory: string; readonly engine: EngineChoice; readonly models: readonly WorkerModel[] }
  | { readonly type: "inference_request"; readonly request: InferenceRequest }
  | { readonly type: "cancel"; readonly request_id: string }
  | { readonly type: "sign_registration"; readonly id: number; readonly claims: Record<string, unknown> }
  | { readonly type: "sign_challenge"; readonly id: number; readonly challenge: Challenge; readonly sessionId: string }
  | { readonly type: "shutdown" };

export type FromWorker =
  /** Keys exist and models are loaded (or failed, see `failures`). */
  | {
      readonly type: "ready";
      readonly device_key: DeviceKey;
      readonly encryption_key: string;
      readonly models: readonly ModelInfo[];
      readonly failures: readonly { readonly build: string; readonly code: string; readonly message: string }[];
      readonly sandbox: WorkerSandbox;
      readonly decode_tps: number;
      readonly prefill_tps: number;
    }
  /** A control message of the wire protocol for the coordinator (`inference_accepted`, `inference_complete`, `inference_error`), forwarded as is. */
  | { readonly type: "forward"; readonly message: Record<string, unknown> }
  | { readonly type: "signed"; readonly id: number; readonly jws: string }
  /** At least once a second while loaded, and at each change of load. */
  | {
      readonly type: "state";
      readonly slots: readonly Slot[];
      readonly requestsServed: number;
      readonly tokensGenerated: number;
      readonly errors: number;
      readonly rss_bytes: number;
    };

export interface WorkerModel {
  readonly info: ModelInfo;
  readonly path: string;
  readonly sequences: number;
}

export type EngineChoice =
  | { readonly kind: "llama.cpp"; readonly threads_max?: number; readonly gpuLayers?: number }
  | { readonly kind: "scripted"; readonly script: Record<string, unknown> };

/** What actually confines the worker, stated as found, never assumed. */
export interface WorkerSandbox {
  readonly network: "namespace" | "guarded" | "none";
  readonly filesystem: "permission-model" | "none";
  readonly coreDumps: "disabled" | "unknown";
}
