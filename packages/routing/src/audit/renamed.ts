import type { Candidate } from "../pick.js";
import type { Decision, ProviderView } from "../types.js";
import type { Choice, Evidence } from "./decision-audit.js";

/**
 * A decision and its evidence with other ids for sessions, which are nobody's business once they are over. Machine ids stay: who is placed by
 * them must be found again.
 */
export function renamed(
  decision: Decision,
  evidence: Evidence,
  nameOf: (view: ProviderView) => string,
): { readonly decision: Decision; readonly evidence: Evidence } {
  const names = new Map<string, string>();
  const views = new Map<ProviderView, ProviderView>();
  const rename = (view: ProviderView): ProviderView => {
    const known = views.get(view);
    if (known !== undefined) return known;
    const name = nameOf(view);
    const other = { ...view, id: name };
    names.set(view.id, name);
    views.set(view, other);
    return other;
  };
  const candidates = evidence
    .candidates()
    .map((candidate): Candidate => ({ ...candidate, measured: { ...candidate.measured, provider: rename(candidate.measured.provider) } }));
  const refused = evidence.refused.map(({ view, reason }) => ({ view: rename(view), reason }));
  const choice = renamedChoice(evidence.choice, rename);
  const idOf = (id: string): string => names.get(id) ?? id;
  const { spec } = evidence;
  const { winner } = decision;
  return {
    decision: { ...decision, winner: winner && { ...winner, providerId: idOf(winner.providerId) } },
    evidence: {
      ...evidence,
      spec: { ...spec, excluded: new Set([...spec.excluded].map(idOf)) },
      candidates: () => candidates,
      refused,
      choice,
    },
  };
}

function renamedChoice(choice: Choice, rename: (view: ProviderView) => ProviderView): Choice {
  switch (choice.kind) {
    case "none":
      return choice;
    case "equals": {
      const among = choice.among().map(rename);
      return { ...choice, among: () => among };
    }
    case "drawn":
      return { ...choice, tried: choice.tried.map((view) => view && rename(view)) };
  }
}
