import { isDeepStrictEqual } from "node:util";
import { type BuildRow, priceRepository, type Tx, type VersionRow } from "../../store/index.js";
import { versionFacts } from "../schemas.js";
import type { BuildFacts, FactChanges, Prices } from "../types.js";

/** What consumers see and pay of a build. */
export type Shown = BuildFacts & { readonly prices: Prices };

function shownBy({ facts, input_microUsd, output_microUsd }: VersionRow): Shown {
  return { ...versionFacts.parse(facts), prices: { input_microUsd, output_microUsd } };
}

/** What is in service now. */
export async function shownNow(tx: Tx, model: BuildRow): Promise<Shown | undefined> {
  const prices = await priceRepository.ofModel(tx, model.id);
  return prices === undefined ? undefined : { ...versionFacts.parse(model), prices };
}

/** What promoting a version would show: what other lists were told of the build stays, where the version does not say otherwise. */
export function shownAfter(version: VersionRow, model: BuildRow): Shown {
  const shown = shownBy(version);
  return { ...shown, metadata: { ...versionFacts.shape.metadata.parse(model.metadata), ...shown.metadata } };
}

export function changesOf(from: Shown, to: Shown): FactChanges {
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])] as (keyof Shown)[];
  return Object.fromEntries(
    keys.filter((key) => !isDeepStrictEqual(from[key], to[key])).map((key) => [key, { from: from[key], to: to[key] }]),
  );
}
