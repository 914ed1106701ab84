import { REASONING_PARSERS, requestId } from "@umbel/protocol";
import type { PreparedRequest } from "../admit/check.js";
import type { Stopwatch } from "../stopwatch.js";
import { openAttempt } from "./opened-attempt.js";
import type { Open } from "./racer-run.js";
import { type SealedRequest, sealRequest } from "./sealing.js";

/** Opaque scope of an account within which prefixes may be reused. */
export type CacheScope = (accountId: string, cacheKey?: string) => string;

/** Seals a request once, however many machines it is sent to, and wraps its key to each of them. */
export function createOpening(request: PreparedRequest, cacheScope: CacheScope, watch: Stopwatch): Open {
  const reasoning_parser = REASONING_PARSERS.find((known) => known === request.build.runtimeParameters["reasoning_parser"]);
  let sealing: Promise<SealedRequest> | undefined;
  return async (attempt, { number, deadline_ms }) => {
    const stop = watch.start("encrypt");
    const terms = {
      attempt: number,
      prompt_tokens_estimate: request.promptTokens,
      deadline_ms: Math.ceil(deadline_ms),
      cache_scope: cacheScope(request.spec.accountId, request.input.routing?.cacheKey),
      ...(reasoning_parser !== undefined && { reasoning_parser }),
    };
    sealing ??= seal(request);
    const sealed = await sealing;
    const { message, createOpener } = await sealed.wrapFor(attempt.provider, terms);
    stop();
    return {
      opened: openAttempt(attempt, createOpener),
      async send() {
        const stopSending = watch.start("dispatch");
        await attempt.send(message, sealed.ciphertext);
        stopSending();
      },
    };
  };
}

function seal({ spec, maxOutputTokens, body }: PreparedRequest): Promise<SealedRequest> {
  return sealRequest({ requestId: requestId.parse(spec.requestId), build: spec.build, maxOutputTokens, body });
}
