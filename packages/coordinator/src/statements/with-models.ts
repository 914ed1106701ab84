import type { StatementSum } from "../store/index.js";

/**
 * Items in which charges whose requests are removed stand by the models of the days that were added up before. What the journal has beyond those
 * stays without a model, so that items make what the journal makes.
 *
 * @param removed what was charged in days whose single requests are removed, by model
 */
export function withModels(items: readonly StatementSum[], removed: readonly StatementSum[]): readonly StatementSum[] {
  if (removed.length === 0) return items;
  const isNameless = ({ type, model }: StatementSum) => type === "charge" && model === null;
  const known = new Map<string | null, StatementSum>();
  for (const item of [...items.filter(({ type }) => type === "charge"), ...removed])
    known.set(item.model, plus(known.get(item.model), item));
  for (const item of removed) known.set(null, plus(known.get(null), negated(item)));
  const charges = [...known.values()].filter((item) => !isNameless(item) || item.entries !== 0 || item.amount_microUsd !== 0n);
  const place = items.findIndex(({ type }) => type === "charge");
  const others = items.filter(({ type }) => type !== "charge");
  return [...others.slice(0, place), ...charges.sort(byModel), ...others.slice(place)];
}

function plus(sum: StatementSum | undefined, item: StatementSum): StatementSum {
  if (sum === undefined) return item;
  return {
    ...sum,
    entries: sum.entries + item.entries,
    amount_microUsd: sum.amount_microUsd + item.amount_microUsd,
    prompt_tokens: sum.prompt_tokens + item.prompt_tokens,
    completion_tokens: sum.completion_tokens + item.completion_tokens,
  };
}

/** Takes entries and money away; of tokens nothing was counted without a model. */
function negated({ type, entries, amount_microUsd }: StatementSum): StatementSum {
  return { type, model: null, entries: -entries, amount_microUsd: -amount_microUsd, prompt_tokens: 0, completion_tokens: 0 };
}

function byModel(a: StatementSum, b: StatementSum): number {
  return (a.model ?? "") < (b.model ?? "") ? -1 : 1;
}
