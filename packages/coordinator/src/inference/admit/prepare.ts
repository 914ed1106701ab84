import { type ChatRequest, estimatePromptTokens } from "@umbel/dialects";
import type { RequestSpec } from "@umbel/routing";
import type { BuildRecord } from "../../catalog/index.js";
import type { InferenceInput } from "../types.js";
import type { LookedUpInput, PreparedRequest } from "./check.js";

/** Output bound of a build whose catalogue entry names none. Source: api.md §8. */
const OUTPUT_BOUND_tokens = 8_192;
/** Least output bound that is filled in when a prompt nearly fills the window. */
const OUTPUT_BOUND_tokens_min = 256;

/**
 * Fills in what the caller left open: the build's sampling defaults and a bound on the output, without which money could not be held.
 * A bound above the build's own is lowered to it; the answer then ends with `length`, as the caller's own bound would have made it.
 */
export function prepare(input: LookedUpInput, publicName: string, build: BuildRecord): Omit<PreparedRequest, "preview" | "body"> {
  const promptTokens = estimatePromptTokens(input.request);
  const generates = input.request.task.type !== "embedding";
  const maxOutputTokens = generates ? outputBound(input.request.maxOutputTokens, promptTokens, build) : 0;
  const request: ChatRequest = {
    ...input.request,
    model: build.id,
    sampling: { ...build.defaults, ...given(input.request.sampling) },
    ...(generates ? { maxOutputTokens } : {}),
  };
  const outputBound_tokens = maxOutputTokens * request.choices;
  // Routing takes 0 for an unknown bound and expects the usual answer.
  const spec = specOf(input, build, promptTokens, Math.max(1, maxOutputTokens));
  return { input, publicName, build, request, promptTokens, maxOutputTokens, outputBound_tokens, spec };
}

/** Whether the request may reach the account's own machines only: it asks for it, or its key allows nothing else. */
export function isExclusive({ ownMachines, principal }: InferenceInput): boolean {
  return ownMachines === "only" || principal.key?.selfRouteOnly === true;
}

function outputBound(asked: number | undefined, promptTokens: number, build: BuildRecord): number {
  const most = build.maxOutput_tokens > 0 ? build.maxOutput_tokens : OUTPUT_BOUND_tokens;
  if (asked !== undefined) return Math.min(asked, most);
  return Math.min(most, Math.max(OUTPUT_BOUND_tokens_min, build.contextLength_tokens - promptTokens));
}

/** Without fields that are present but undefined, which would hide a default. */
function given<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}

function specOf(input: LookedUpInput, build: BuildRecord, promptTokens: number, maxOutputTokens: number): RequestSpec {
  return {
    requestId: input.requestId,
    build: build.id,
    weightHash: build.weightHash,
    accountId: input.principal.accountId,
    // An estimate slightly above the window is left to the provider's exact count, so no gate may refuse for it.
    promptTokens: Math.max(0, Math.min(promptTokens, build.contextLength_tokens - maxOutputTokens)),
    maxOutputTokens,
    choices: input.request.choices,
    needsTools: input.request.tools.length > 0 && input.request.toolChoice.type !== "none",
    needsVision: input.request.messages.some((message) => message.content.some((part) => part.type === "image")),
    needsStructured: input.request.responseFormat.type !== "text",
    ...(build.dedicated === undefined ? {} : { dedicated: build.dedicated }),
    ...(build.formerHashes === undefined ? {} : { formerHashes: build.formerHashes }),
    excluded: new Set(),
    allowedMachines: input.allowedMachines,
    route: isExclusive(input) ? "self" : input.ownMachines === "preferred" ? "prefer" : "public",
    avoidVersion: undefined,
    ttftCeiling_ms: undefined,
    kvBytesPerToken: build.kvBytesPerToken,
    ...(build.memory !== null && { memory: build.memory }),
  };
}
