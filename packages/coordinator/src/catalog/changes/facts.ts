import { isDeepStrictEqual } from "node:util";
import { type BuildRow, priceRepository, type Tx, type VersionRow } from "../../store/index.js";
import { versionFacts } from "../schemas.js";
import type { BuildFacts, FactChanges, Prices } from "../types.js";

/** What consumers see and pay of a build. */
export type Shown = BuildFacts & { readonly prices: Prices };

export function shownBy({ facts, input_microUsd, output_microUsd }: VersionRow): Shown {
  return { ...versionFacts.parse(facts), prices: { input_microUsd, output_microUsd } };
}

/** What is in service now. */
export async function shownNow(tx: Tx, model: BuildRow): Promise<Shown | undefined> {
  const prices = await priceRepository.ofModel(tx, model.id);
  return prices === undefined ? undefined : { ...versionFacts.parse(model), prices };
}

export function changesOf(from: Shown, to: Shown): FactChanges {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])] as (keyof Shown)[];
  return Object.fromEntries(
    keys.filter((key) => !isDeepStrictEqual(from[key], to[key])).map((key) => [key, { from: from[key], to: to[key] }]),
  );
}
