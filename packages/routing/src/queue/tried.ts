import { outputDemand_tokens, promptDemand_tokens } from "../admission/demand.js";
import type { RequestSpec } from "../types.js";

/** What a request needs of a machine. */
export interface Demand {
  /** Requests of one shape are refused by the same machines, but for their size; undefined for a request that is like no other. */
  readonly shape: string | undefined;
  readonly prompt_tokens: number;
  readonly output_tokens: number;
}

export function demandOf(spec: RequestSpec): Demand {
  return { shape: shapeOf(spec), prompt_tokens: promptDemand_tokens(spec), output_tokens: outputDemand_tokens(spec) };
}

/**
 * What was tried in vain while capacity could only shrink. A request of the same shape that is no smaller would fail too, so that one free
 * place is not offered to a thousand waiters in turn.
 */
export class Tried {
  readonly #failed = new Map<string, Demand[]>();

  covers({ shape, prompt_tokens, output_tokens }: Demand): boolean {
    const failed = shape === undefined ? undefined : this.#failed.get(shape);
    return failed?.some((other) => other.prompt_tokens <= prompt_tokens && other.output_tokens <= output_tokens) ?? false;
  }

  add(demand: Demand): void {
    if (demand.shape === undefined) return;
    const failed = this.#failed.get(demand.shape);
    if (failed === undefined) this.#failed.set(demand.shape, [demand]);
    else failed.push(demand);
  }
}

function shapeOf(spec: RequestSpec): string | undefined {
  if (spec.allowedMachines !== undefined || spec.excluded.size > 0) return undefined;
  const { weightHash, formerHashes, needsTools, needsVision, needsStructured, choices, ttftCeiling_ms } = spec;
  const whose = spec.route === "public" ? "" : `${spec.route} ${spec.accountId}`;
  const weights = [weightHash, ...(formerHashes ?? [])];
  return JSON.stringify([weights, needsTools, needsVision, needsStructured === true, choices ?? 1, ttftCeiling_ms ?? "", whose]);
}
