import type { ApiError, ChatRequest } from "@umbel/dialects";
import type { Decision, RequestSpec } from "@umbel/routing";
import type { BuildRecord, ResolvedModel } from "../../catalog/index.js";
import type { OwnMachines } from "../../fleet/index.js";
import type { RefusalStage } from "../../insight/index.js";
import type { InferenceInput } from "../types.js";

/** What a surface hands over, with what was looked up for it. */
export interface LookedUpInput extends InferenceInput {
  /** Machine ids behind the caller's list of public ids; undefined is any. */
  readonly allowedMachines?: ReadonlySet<string>;
  /** Of the caller, when the request is for its own machines only. */
  readonly own?: OwnMachines;
}

/** A request as it was asked, before a build is chosen. `resolved` is undefined for a model that nobody offers. */
export interface AskedRequest {
  readonly input: LookedUpInput;
  readonly resolved: ResolvedModel | undefined;
}

/** A request as it will be sent to one build, with the model's defaults and bounds filled in. */
export interface PreparedRequest {
  readonly input: LookedUpInput;
  readonly publicName: string;
  readonly build: BuildRecord;
  readonly request: ChatRequest;
  /** UTF-8 JSON of `request`: the exact bytes to be sealed. */
  readonly body: Uint8Array;
  /** Estimate; for deadlines and capacity, never for money. */
  readonly promptTokens: number;
  /** Of one answer; 0 for a task that generates nothing. */
  readonly maxOutputTokens: number;
  /** Of all answers together. */
  readonly outputBound_tokens: number;
  readonly spec: RequestSpec;
  /** Who could serve it at the moment of admission. */
  readonly preview: Decision;
}

/** One reason not to serve a request. Free of effects; the lists in `admission.ts` give the order. */
export interface Check<Subject> {
  /** Counted under this name. */
  readonly name: string;
  /** Recorded under this stage. */
  readonly stage: RefusalStage;
  /** The refusal, or undefined to let the request pass. */
  refuse(subject: Subject): ApiError | undefined;
}
