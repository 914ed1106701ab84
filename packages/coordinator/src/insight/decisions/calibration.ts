import type { CostProfile } from "@umbel/routing";

/** Answers from which a coefficient is proposed; fewer say too little. */
export const PROPOSAL_ANSWERS_MIN = 20;
/** A coefficient that is so nearly right is left alone. */
const TOLERANCE = 0.1;

/** What answers of one build on one kind of machine took, beside what routing had expected. Null where nothing is known. */
export interface CalibrationRow {
  readonly build: string;
  readonly computeClass: string;
  readonly answers: number;
  readonly ttft_ms: number | null;
  readonly expectedTtft_ms: number | null;
  /** Median of actual less expected. */
  readonly error_ms: number | null;
  readonly errorP90_ms: number | null;
  /** Answers that had the model for themselves when they began, and their rate. */
  readonly solo: number;
  readonly solo_tps: number | null;
  /** Answers that shared it, their rate, and with how many they shared it on average. */
  readonly shared: number;
  readonly shared_tps: number | null;
  readonly sharedWith: number | null;
  /** Answers for which the model had to be loaded. */
  readonly cold: number;
  readonly coldTtft_ms: number | null;
  /** Answers of which the next best machine was kept, and how many of them it was expected to begin sooner. */
  readonly runnersUpKnown: number;
  readonly runnersUpFaster: number;
}

export interface Proposal {
  readonly coefficient: "batchSlowdown" | "coldLoad_ms";
  readonly current: number;
  readonly proposed: number;
  /** From how many answers. */
  readonly answers: number;
}

/** Coefficients that the answers speak against. Nothing here is ever applied by itself (routing.md §18). */
export function proposals(rows: readonly CalibrationRow[], inUse: CostProfile): readonly Proposal[] {
  return [proposal("batchSlowdown", rows.map(slowdownOf), inUse), proposal("coldLoad_ms", rows.map(coldLoadOf), inUse)].flatMap((found) =>
    found === undefined ? [] : [found],
  );
}

interface Observed {
  readonly value: number;
  readonly answers: number;
}

/** rate(B) = solo / (1 + slope × B), solved for the slope. */
function slowdownOf({ solo, shared, solo_tps, shared_tps, sharedWith }: CalibrationRow): Observed | undefined {
  if (solo < PROPOSAL_ANSWERS_MIN || shared < PROPOSAL_ANSWERS_MIN || !solo_tps || !shared_tps || !sharedWith) return undefined;
  return { value: Math.max(0, (solo_tps / shared_tps - 1) / sharedWith), answers: Math.min(solo, shared) };
}

function coldLoadOf({ cold, coldTtft_ms }: CalibrationRow): Observed | undefined {
  return cold < PROPOSAL_ANSWERS_MIN || coldTtft_ms === null ? undefined : { value: coldTtft_ms, answers: cold };
}

/** The mean over builds and kinds of machines, each with the weight of its answers. */
function proposal(
  coefficient: Proposal["coefficient"],
  found: readonly (Observed | undefined)[],
  inUse: CostProfile,
): Proposal | undefined {
  const observed = found.filter((each) => each !== undefined);
  const answers = observed.reduce((sum, each) => sum + each.answers, 0);
  if (answers === 0) return undefined;
  const proposed = observed.reduce((sum, { value, answers: weight }) => sum + value * weight, 0) / answers;
  const current = inUse[coefficient];
  return Math.abs(proposed - current) <= TOLERANCE * current ? undefined : { coefficient, current, proposed, answers };
}
