import { itemisedCost, totalCost_ms } from "../cost/index.js";
import { measure } from "../cost/measure.js";
import type { CostProfile } from "../cost/profile.js";
import { firstRefusal } from "../gates/profiles.js";
import { type Candidate, equalsOf } from "../pick.js";
import { drawnPlaces } from "../random.js";
import type { CandidateCost } from "../types.js";
import { AUDIT_FORM, type AuditRecord, digestOf } from "./encode.js";
import { type Inputs, unpackInputs } from "./inputs.js";
import { profileOf } from "./policy.js";

/** Why a record does not replay, each with what it means. */
export const REPLAY_MISMATCHES = {
  unreadable: "the record is not in a form that this release reads",
  policy_differs: "this release has other rules or coefficients than the decision was made with",
  digest_differs: "the record is not what was written: its digest does not fit",
  refused_now: "a gate refuses a machine that was among the equals",
  not_equal: "a machine that was among the equals is not, by its cost or its work",
  draw_differs: "the dice name another machine",
  cost_differs: "the winner costs something else",
} as const;
export type ReplayMismatch = keyof typeof REPLAY_MISMATCHES;

export type Replay =
  /** @property winner with every term; undefined where nobody could serve */
  | { readonly outcome: "same"; readonly winner: CandidateCost | undefined; readonly record: AuditRecord }
  | { readonly outcome: "differs"; readonly mismatch: ReplayMismatch; readonly words: string };

/**
 * Makes a stored decision again, with this release's gates, costs and picker, from what the record says of the machines and the request.
 *
 * @param text JSON of an audit record, from `encodeDecision` or from a database that keeps it as data
 */
export function replayDecision(text: string): Replay {
  let record: AuditRecord;
  let inputs: Inputs;
  try {
    record = JSON.parse(text) as AuditRecord;
    if (record.form !== AUDIT_FORM) return differs("unreadable");
    if (digestOf(record) !== record.digest) return differs("digest_differs");
    inputs = unpackInputs(record.inputs);
  } catch {
    return differs("unreadable");
  }
  const profile = profileOf(record.policy);
  return profile === undefined ? differs("policy_differs") : decideAgain(record, inputs, profile);
}

function decideAgain(record: AuditRecord, { spec, context, machines }: Inputs, costProfile: CostProfile): Replay {
  const { choice, winner } = record;
  const routing = { ...context, costProfile };
  const candidates = machines
    .filter((view) => firstRefusal(record.profile, view, spec, routing) === undefined)
    .map((view): Candidate => {
      const measured = measure(view, spec, routing);
      return { measured, total_ms: totalCost_ms(measured, costProfile, spec) };
    });
  if (choice.kind === "none") {
    return winner === null && candidates.length === 0 ? { outcome: "same", winner: undefined, record } : differs("not_equal");
  }

  const equals = new Set(equalsOf(candidates, spec, costProfile));
  const members = choice.members.map((place) => candidates.find(({ measured }) => measured.provider === machines[place]));
  const drawn = choice.kind === "equals" ? namedByDice(record, members.length) : lastTry(record);
  if (drawn === undefined) return differs("draw_differs");
  const won = members[drawn];
  if (won === undefined) return differs("refused_now");
  const mustBeEqual = choice.kind === "equals" ? members : [won];
  if (mustBeEqual.some((member) => member === undefined)) return differs("refused_now");
  if (mustBeEqual.some((member) => member !== undefined && !equals.has(member))) return differs("not_equal");
  // A try before the last was passed over because it was not one of the equals.
  if (choice.kind === "drawn" && members.slice(0, drawn).some((member) => member !== undefined && equals.has(member))) {
    return differs("draw_differs");
  }
  if (winner === null || won.measured.provider.id !== winner.providerId) return differs("draw_differs");
  if (won.total_ms !== winner.total_ms) return differs("cost_differs");
  return { outcome: "same", winner: itemisedCost(won.measured, costProfile, spec), record };
}

/** The place among the recorded members that the dice name; undefined if it is not recorded. */
function namedByDice({ choice, draw }: AuditRecord, members: number): number | undefined {
  if (choice.kind !== "equals") return undefined;
  const place = Math.floor((draw ?? 0) * choice.of) - choice.first;
  return place >= 0 && place < members ? place : undefined;
}

/** The dice must have led to the same machine wherever they fell on the same place of the group. */
function lastTry({ choice, draw }: AuditRecord): number | undefined {
  if (choice.kind !== "drawn" || draw === null) return undefined;
  const random = drawnPlaces(draw);
  const fell = new Map<number, number>();
  for (let skipped = 0; skipped < choice.first; skipped += 1) random(choice.of);
  for (const member of choice.members) {
    const place = random(choice.of);
    if ((fell.get(place) ?? member) !== member) return undefined;
    fell.set(place, member);
  }
  return choice.members.length - 1;
}

function differs(mismatch: ReplayMismatch): Replay {
  return { outcome: "differs", mismatch, words: REPLAY_MISMATCHES[mismatch] };
}
