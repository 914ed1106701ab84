import { canonicalJson, sha256, toHex, utf8 } from "@umbel/protocol";
import { costProfileOf } from "../cost/profile.js";
import type { ProfileName } from "../gates/profiles.js";
import { type Candidate, preferred } from "../pick.js";
import type { Decision, ProviderView, RefusalReason } from "../types.js";
import type { Evidence } from "./decision-audit.js";
import { packInputs } from "./inputs.js";
import { AUDIT_LIMITS } from "./limits.js";
import type { Packed } from "./pack.js";
import { type Policy, policyOf } from "./policy.js";
import { renamed } from "./renamed.js";

/** Of the form below; another form has another number. */
export const AUDIT_FORM = 1;

/** In the place of a machine: it was passed over unseen. */
const UNSEEN = -1;

/** How the winner was found, by places of machines in the record. */
export type RecordedChoice =
  | { readonly kind: "none" }
  /** Those from `first` on, of `of` equals in all; the dice name one by its place. */
  | { readonly kind: "equals"; readonly members: readonly number[]; readonly first: number; readonly of: number }
  /** The tries from `first` on, in a group of `of`; the last is the winner. */
  | { readonly kind: "drawn"; readonly members: readonly number[]; readonly first: number; readonly of: number };

/** A decision as it is stored, in JSON. Ids of sessions and machines, and numbers: nothing of what was asked, nor of who asked. */
export interface AuditRecord {
  readonly form: number;
  /** SHA-256 over the canonical JSON of `policy`, `profile`, `choice`, `draw` and `inputs`, in hex. */
  readonly digest: string;
  readonly policy: Policy;
  readonly profile: ProfileName;
  readonly choice: RecordedChoice;
  /** Null where no dice were needed. */
  readonly draw: number | null;
  readonly inputs: Packed;
  /** Machines were left out that cannot change the outcome: neither among the equals nor the cheapest. */
  readonly truncated: boolean;
  /** Null where there was none. */
  readonly winner: { readonly providerId: string; readonly total_ms: number } | null;
  /** Machine ids and what refused them, of those that were looked at one by one. */
  readonly refused: readonly (readonly [string, RefusalReason])[];
}

export interface EncodedDecision {
  /** JSON of an `AuditRecord`; any JSON that is equal as data replays alike. */
  readonly text: string;
  readonly digest: string;
  readonly truncated: boolean;
}

/**
 * What to store of a decision so that it can be replayed. Bounded by `AUDIT_LIMITS`; takes some hundred microseconds, so it is for those
 * decisions that are kept.
 *
 * @param nameOf what stands for a machine's session in the record; default is the session's id
 * @returns undefined for a decision that carries no audit
 */
export function encodeDecision(made: Decision, nameOf?: (view: ProviderView) => string): EncodedDecision | undefined {
  if (made.audit === undefined) return undefined;
  const original = made.audit.evidence;
  const { decision, evidence } = nameOf === undefined ? { decision: made, evidence: original } : renamed(made, original, nameOf);
  const candidates = evidence.candidates();
  for (let limit: number = AUDIT_LIMITS.machines_max; ; limit = limit >> 1) {
    const record = recordOf(decision, evidence, candidates, limit);
    const text = JSON.stringify(record);
    if (limit <= 1 || utf8(text).length <= AUDIT_LIMITS.record_bytes_max) {
      return { text, digest: record.digest, truncated: record.truncated };
    }
  }
}

export function digestOf({ policy, profile, choice, draw, inputs }: Omit<AuditRecord, "digest">): string {
  return toHex(sha256(utf8(canonicalJson({ policy, profile, choice, draw, inputs }))));
}

function recordOf(decision: Decision, evidence: Evidence, candidates: readonly Candidate[], limit: number): AuditRecord {
  const machines = machinesKept(decision, evidence, candidates, limit);
  const places = new Map(machines.map((view, place) => [view, place]));
  const { winner } = decision;
  const content = {
    form: AUDIT_FORM,
    policy: policyOf(costProfileOf(evidence.context)),
    profile: evidence.profile,
    choice: choiceOf(decision, evidence, places),
    draw: decision.draw ?? null,
    inputs: packInputs(evidence, candidates, machines),
    truncated: candidates.some(({ measured }) => !places.has(measured.provider)),
    winner: winner === undefined ? null : { providerId: winner.providerId, total_ms: winner.total_ms },
    refused: evidence.refused.slice(0, limit).map(({ view, reason }) => [view.machineId, reason] as const),
  };
  return { ...content, digest: digestOf(content) };
}

/**
 * The winner, the cheapest of those that were preferred, the equals, then those that came next; as many as the limit lets in, in the order in
 * which they were looked at.
 */
function machinesKept(
  { winner }: Decision,
  { choice, spec, context }: Evidence,
  candidates: readonly Candidate[],
  limit: number,
): readonly ProviderView[] {
  const pool = new Set(preferred(candidates, spec, costProfileOf(context)));
  const byCost = [...candidates].sort((one, other) => Number(pool.has(other)) - Number(pool.has(one)) || one.total_ms - other.total_ms);
  const ranked = byCost.map(({ measured }) => measured.provider);
  const won = ranked.filter(({ id }) => id === winner?.providerId);
  const chosen =
    choice.kind === "none" ? [] : choice.kind === "equals" ? choice.among() : choice.tried.filter((view) => view !== undefined);
  const kept = new Set([...new Set([...won, ...ranked.slice(0, 1), ...chosen, ...ranked])].slice(0, Math.max(2, limit)));
  const looked = candidates.map(({ measured }) => measured.provider).filter((view) => kept.has(view));
  return [...new Set([...looked, ...kept])];
}

function choiceOf({ winner }: Decision, { choice }: Evidence, places: ReadonlyMap<ProviderView, number>): RecordedChoice {
  if (choice.kind === "none") return choice;
  const views: readonly (ProviderView | undefined)[] = choice.kind === "equals" ? choice.among() : choice.tried;
  const of = choice.kind === "equals" ? views.length : choice.of;
  const members = views.map((view) => (view && places.get(view)) ?? UNSEEN);
  const isWhole = views.every((view) => view === undefined || places.has(view));
  if (isWhole) return { kind: choice.kind, members, first: 0, of };
  const first = choice.kind === "equals" ? views.findIndex((view) => view?.id === winner?.providerId) : views.length - 1;
  return { kind: choice.kind, members: members.slice(first, first + 1), first, of };
}
