import type { EngineEvent } from "../engine.js";
import type { TokenInfo } from "./token-table.js";

type TokenEvent = Extract<EngineEvent, { type: "token" }>;

/** Stands for a probability of zero, which JSON cannot carry as a logarithm (OpenAI's convention). */
const impossible_logprob = -9999;

/**
 * @param probabilities pairs of id and probability, best first
 * @param alternatives how many of the best to name
 */
export function topLogprobs(
  probabilities: readonly number[],
  chosen: number,
  alternatives: number,
  tokenInfo: (id: number) => TokenInfo,
): Required<Pick<TokenEvent, "logprob" | "top">> {
  let chosenAt = 0;
  while (chosenAt < probabilities.length && probabilities[chosenAt] !== chosen) chosenAt += 2;
  const top: { id: number; bytes: Uint8Array; logprob: number }[] = [];
  for (let at = 0; at < probabilities.length && top.length < alternatives; at += 2) {
    const id = probabilities[at];
    if (id !== undefined) top.push({ id, bytes: tokenInfo(id).bytes, logprob: logarithm(probabilities[at + 1]) });
  }
  return { logprob: logarithm(probabilities[chosenAt + 1]), top };
}

function logarithm(probability: number | undefined): number {
  return probability === undefined || probability <= 0 ? impossible_logprob : Math.log(probability);
}
