import type { ProviderExplanation, ProviderView } from "@umbel/routing";
import { DEFAULT_COST_PROFILE } from "@umbel/routing";
import type { BuildRecord } from "../../catalog/index.js";
import type { KnownMachine } from "../../fleet/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { ADVICE, OFFLINE_ADVICE, UNTRUSTED_ADVICE } from "./advice.js";

/** Machines that one is compared with; of a larger fleet, those found first. */
const COMPARED_MAX = 256;

export interface BuildVerdict {
  readonly build: string;
  /** `competes`: it may be chosen; `refused`: a gate stands in the way. */
  readonly state: "competes" | "refused";
  readonly reason: string | null;
  readonly kind: string | null;
  readonly words: readonly string[];
  readonly advice: string | null;
  /** Among the machines that may be chosen for the build; 1 is the first choice. */
  readonly rank: number | null;
  readonly competitors: number;
  readonly cost_ms: number | null;
  readonly best_cost_ms: number | null;
}

export interface MachineVerdict {
  readonly state: "gets_work" | "no_work";
  /** Why not, in a word: `offline`, `untrusted`, `no_models`, or the reason of the gate. */
  readonly reason: string | null;
  readonly words: readonly string[];
  readonly advice: string | null;
  readonly builds: readonly BuildVerdict[];
}

type Services = Pick<HttpDependencies, "fleet" | "catalog" | "clock" | "settings">;

/**
 * Says of machines whether they get work, and if not, what stands in the way and what their owner can do. For one request: what the competitors
 * for a build cost is reckoned once, however many machines are asked about.
 *
 * @returns the verdict on one machine, for one build of it or for all
 */
export function createVerdicts(services: Services): (machine: KnownMachine, onlyBuild?: string) => MachineVerdict {
  const costsOf = new Map<string, readonly number[]>();
  const competing = (build: BuildRecord): readonly number[] => {
    const known = costsOf.get(build.id) ?? competitors(build, services);
    costsOf.set(build.id, known);
    return known;
  };
  return (machine, onlyBuild) => verdictOf(machine, onlyBuild, (view, id) => verdictOfBuild(view, id, services, competing));
}

function verdictOf(
  machine: KnownMachine,
  onlyBuild: string | undefined,
  ofBuild: (view: ProviderView, id: string) => BuildVerdict,
): MachineVerdict {
  const { view, lastSeenAt, untrustedReason } = machine;
  if (untrustedReason !== null) {
    return noWork("untrusted", [`it is untrusted since it broke the protocol (${untrustedReason})`], UNTRUSTED_ADVICE);
  }
  if (view === undefined)
    return noWork("offline", [`it is not connected; it was last seen at ${lastSeenAt.toISOString()}`], OFFLINE_ADVICE);
  const builds = [...view.builds.keys()].filter((id) => onlyBuild === undefined || id === onlyBuild).map((id) => ofBuild(view, id));
  const [refused] = builds;
  if (refused === undefined) return noWork("no_models", [offersNothing(onlyBuild)], ADVICE.not_in_catalog);
  const competing = builds.filter(({ state }) => state === "competes");
  if (competing.length > 0) {
    const words = [`it may be chosen for ${competing.map(({ build }) => build).join(", ")}`];
    return { state: "gets_work", reason: null, words, advice: null, builds };
  }
  return { state: "no_work", reason: refused.reason, words: refused.words, advice: refused.advice, builds };

  function noWork(reason: string, words: readonly string[], advice: string): MachineVerdict {
    return { state: "no_work", reason, words, advice, builds: [] };
  }
}

function offersNothing(build: string | undefined): string {
  return build === undefined ? "it offers no model" : `it does not offer ${build}`;
}

function verdictOfBuild(
  view: ProviderView,
  id: string,
  services: Services,
  competing: (build: BuildRecord) => readonly number[],
): BuildVerdict {
  const build = services.catalog.builds().find((candidate) => candidate.id === id);
  const nothing = { rank: null, competitors: 0, cost_ms: null, best_cost_ms: null };
  if (build === undefined) {
    const words = ["refused (not_in_catalog): the catalogue has no such build; until the machine or the catalogue changes"];
    return { build: id, state: "refused", reason: "not_in_catalog", kind: "structural", words, advice: ADVICE.not_in_catalog, ...nothing };
  }
  const explained = services.fleet.explain(view, build);
  if (explained.outcome === "refused") {
    const { reason, kind, lines } = explained;
    return { build: id, state: "refused", reason, kind, words: lines, advice: ADVICE[reason], ...nothing };
  }
  const costs = competing(build);
  const { total_ms } = explained.cost;
  const nearTie_ms = services.settings.costCoefficients.get("nearTie_ms") ?? DEFAULT_COST_PROFILE.nearTie_ms;
  const best_ms = costs[0] ?? total_ms;
  const rank = 1 + costs.filter((cost_ms) => cost_ms < total_ms).length;
  return {
    build: id,
    state: "competes",
    reason: null,
    kind: null,
    words: [...explained.lines, placeInWords(rank, costs.length, total_ms - best_ms, nearTie_ms)],
    advice: null,
    rank,
    competitors: costs.length,
    cost_ms: total_ms,
    best_cost_ms: best_ms,
  };
}

/** What each machine that may be chosen costs, for an ordinary request; the cheapest first. */
function competitors(build: BuildRecord, { fleet }: Services): number[] {
  const costs: number[] = [];
  let looked = 0;
  for (const view of fleet.viewsOf(build.id)) {
    looked += 1;
    if (looked > COMPARED_MAX) break;
    const explained: ProviderExplanation = fleet.explain(view, build);
    if (explained.outcome === "candidate") costs.push(explained.cost.total_ms);
  }
  return costs.sort((one, other) => one - other);
}

function placeInWords(rank: number, machines: number, away_ms: number, nearTie_ms: number): string {
  if (machines <= 1) return "no other machine may be chosen now, so it gets every such request";
  const turn = away_ms <= nearTie_ms ? "as good as equal to the best, so it takes its turn" : "others come first";
  return `number ${rank} of ${machines} by cost, ${(away_ms / 1000).toFixed(2)} s behind the best: ${turn}`;
}
