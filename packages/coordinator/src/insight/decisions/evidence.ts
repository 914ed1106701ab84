import { type Decision, encodeDecision, explainProvider, type ProviderView, runnersUp } from "@umbel/routing";
import type { NewRow } from "./ports.js";

/** Machines whose refusal is told one by one; of a larger fleet, the counts must do. */
export const REFUSED_LISTED_MAX = 256;

type Pseudonym = (machineId: string) => string;

/**
 * The machines that were not chosen: the next best, and each refused one with its reason. It takes a look at each, so it is called aside.
 *
 * @param views of the machines that offered the build when the decision was made
 */
export function evidenceOf(decision: Decision, views: readonly ProviderView[], publicId: Pseudonym): Pick<NewRow, "runnersUp" | "refused"> {
  const evidence = decision.audit?.evidence;
  if (evidence === undefined) return { runnersUp: null, refused: null };
  const machineOf = new Map(evidence.candidates().map(({ measured }) => [measured.provider.id, measured.provider.machineId]));
  const { spec, context, profile } = evidence;
  return {
    runnersUp: runnersUp(decision).map(({ providerId, total_ms, ttft_ms }) => ({
      provider: publicId(machineOf.get(providerId) ?? ""),
      total_ms,
      ttft_ms: ttft_ms ?? null,
    })),
    refused: views
      .filter(({ id }) => id !== decision.winner?.providerId)
      .flatMap((view) => {
        const explained = explainProvider(view, spec, context, profile);
        return explained.outcome === "refused" ? [{ provider: publicId(view.machineId), reason: explained.reason }] : [];
      }),
  };
}

/** What routing needs to make the decision again. */
export function auditOf(decision: Decision, publicId: Pseudonym): unknown {
  const encoded = encodeDecision(decision, ({ machineId }) => publicId(machineId));
  return encoded === undefined ? null : JSON.parse(encoded.text);
}

/** Of at most `REFUSED_LISTED_MAX`; none of more. */
export function fewViews(views: Iterable<ProviderView>): readonly ProviderView[] {
  const few: ProviderView[] = [];
  for (const view of views) {
    if (few.length === REFUSED_LISTED_MAX) return [];
    few.push(view);
  }
  return few;
}
