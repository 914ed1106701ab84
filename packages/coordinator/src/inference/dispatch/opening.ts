import { REASONING_PARSERS, requestId, utf8 } from "@umbel/protocol";
import { readBodyShims } from "../../catalog/index.js";
import type { PreparedRequest } from "../admit/check.js";
import type { Stopwatch } from "../stopwatch.js";
import { openAttempt } from "./opened-attempt.js";
import type { Open } from "./racer-run.js";
import { type SealedRequest, sealRequest } from "./sealing.js";
import { sparedFields, without } from "./spared.js";

/** Opaque scope of an account within which prefixes may be reused. */
export type CacheScope = (accountId: string, cacheKey?: string) => string;

/** Seals a request once, however many machines it is sent to, unless they need other bodies; and wraps its key to each of them. */
export function createOpening(request: PreparedRequest, cacheScope: CacheScope, watch: Stopwatch): Open {
  const reasoning_parser = REASONING_PARSERS.find((known) => known === request.build.runtimeParameters["reasoning_parser"]);
  const shims = readBodyShims(request.build.runtimeParameters["body_shims"]) ?? [];
  const sealings = new Map<string, Promise<SealedRequest>>();
  /** Most machines get the body as it is; older ones may have to be spared some of it. */
  const sealedFor = (version: string): Promise<SealedRequest> => {
    const spared = sparedFields(shims, request.spec, version);
    const key = [...spared].sort().join();
    const sealing = sealings.get(key) ?? seal(request, spared);
    sealings.set(key, sealing);
    return sealing;
  };
  return async (attempt, { number, deadline_ms }) => {
    const stop = watch.start("encrypt");
    const terms = {
      attempt: number,
      prompt_tokens_estimate: request.promptTokens,
      deadline_ms: Math.ceil(deadline_ms),
      cache_scope: cacheScope(request.spec.accountId, request.input.routing?.cacheKey),
      ...(reasoning_parser !== undefined && { reasoning_parser }),
    };
    const sealed = await sealedFor(attempt.provider.version);
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

function seal({ spec, maxOutputTokens, request, body }: PreparedRequest, spared: ReadonlySet<string>): Promise<SealedRequest> {
  const shown = spared.size === 0 ? body : utf8(JSON.stringify(without(request, spared)));
  return sealRequest({ requestId: requestId.parse(spec.requestId), build: spec.build, maxOutputTokens, body: shown });
}
