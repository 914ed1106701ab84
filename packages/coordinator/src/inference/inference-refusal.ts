import { ApiError } from "@umbel/dialects";
import type { Decision } from "@umbel/routing";
import type { RefusalStage, RejectionChances } from "../insight/index.js";
import type { PreparedRequest } from "./admit/check.js";

/** What is known of a refused request, for the operator's statistics; names and numbers only. */
export interface RefusedBy {
  readonly stage: RefusalStage;
  readonly resolvedModel: string | undefined;
  readonly promptTokens: number | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly chances: RejectionChances | undefined;
}

/** A refusal as its caller sees it, with how it came about. */
export class InferenceRefusal extends ApiError {
  constructor(
    refusal: ApiError,
    readonly by: RefusedBy,
  ) {
    const { status, code, type, message, param, retryAfter_s, retryAfter_ms, headers, tier, lack, cause } = refusal;
    super({
      ...{ status, code, type, message, headers, cause },
      ...(param === undefined ? {} : { param }),
      ...(retryAfter_s === undefined ? {} : { retryAfter_s }),
      ...(retryAfter_ms === undefined ? {} : { retryAfter_ms }),
      ...(tier === undefined ? {} : { tier }),
      ...(lack === undefined ? {} : { lack }),
    });
  }
}

/** @returns other errors as they are */
export function refusedAt(stage: RefusalStage, error: unknown, request: Omit<PreparedRequest, "body"> | undefined): unknown {
  if (!(error instanceof ApiError)) return error;
  return new InferenceRefusal(error, {
    stage,
    resolvedModel: request?.build.id,
    promptTokens: request?.promptTokens,
    maxOutputTokens: request?.maxOutputTokens,
    chances: request && chancesOf(request.preview),
  });
}

function chancesOf({ candidates, refusals, bestTtft_ms }: Decision): RejectionChances {
  const sum = (...counts: readonly (number | undefined)[]): number => counts.reduce<number>((total, count) => total + (count ?? 0), 0);
  return {
    candidates,
    capacityRejections: sum(refusals.concurrency, refusals.capacity, refusals.slot_unavailable),
    tooLargeRejections: sum(refusals.model_too_large),
    visionRejections: sum(refusals.vision_unsupported),
    bestTtft_ms,
  };
}
