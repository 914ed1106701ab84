import { createHash } from "node:crypto";
import type { ApiError, ParsedRequest } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { type InferenceInput, InferenceRefusal } from "../inference/index.js";
import { clientClassOf, type RejectedShape, type Rejection, type RejectionLack } from "../insight/index.js";

/** A caller may write anything where a model's name belongs; only what can be one is kept. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$/;

/** What is recorded of a request that was refused; undefined for another. Source: api.md §25. */
export function rejectionOf({ exchange, headers, routeOptions }: FastifyRequest, at: Date): Rejection | undefined {
  const { refusal, principal, shape, body_bytes } = exchange;
  if (refusal === undefined) return undefined;
  const by = refusal instanceof InferenceRefusal ? refusal.by : undefined;
  return {
    at,
    endpoint: routeOptions.url ?? "unmatched",
    stage: by?.stage ?? exchange.stage,
    reason: refusal.type === "insufficient_funds" ? refusal.type : refusal.code,
    httpStatus: refusal.status,
    keyId: principal?.key?.id,
    accountHash: principal && createHash("sha256").update(principal.accountId).digest("hex"),
    clientClass: clientClassOf(headers["user-agent"]),
    body_bytes,
    retryAfter_ms: refusal.retryAfter_ms,
    shape,
    resolvedModel: by?.resolvedModel,
    promptTokens: by?.promptTokens,
    maxOutputTokens: by?.maxOutputTokens,
    chances: by?.chances,
    lack: lackOf(refusal),
  };
}

function lackOf({ lack }: ApiError): RejectionLack | undefined {
  if (lack === undefined) return undefined;
  const { limit: limitKind, by, isMoney } = lack;
  return { limitKind, overBy: isMoney ? undefined : by, shortfall_microUsd: isMoney ? BigInt(by) : undefined };
}

export function shapeOf({ request, stream }: ParsedRequest<unknown>, ownMachines: InferenceInput["ownMachines"]): RejectedShape {
  const { model, choices, messages, tools, sampling } = request;
  return {
    requestedModel: MODEL_NAME.test(model) ? model : undefined,
    stream,
    choices,
    requiresVision: messages.some(({ content }) => content.some(({ type }) => type === "image")),
    hasTools: tools.length > 0,
    ownMachines,
    temperature: sampling.temperature,
    topP: sampling.topP,
    presencePenalty: sampling.presencePenalty,
    frequencyPenalty: sampling.frequencyPenalty,
  };
}
