import type { CostProfile } from "@umbel/routing";

/** Answers from which a coefficient is proposed; fewer say too little. */
export const PROPOSAL_ANSWERS_MIN = 20;
/** Share of lateness that a cause must explain for its slope to be proposed. */
const FIT_MIN = 0.1;
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
  /** Answers for which it had to be woken. */
  readonly woken: number;
  readonly wokenTtft_ms: number | null;
  /** Tokens of answers over the most that they might have had, on average. */
  readonly outputShare: number | null;
  /** Answers of machines that had measured both rates, and prefill over decode there. */
  readonly rated: number;
  readonly prefillPerDecode: number | null;
  /** How much later than expected first tokens came for each request that was there before, of the build and on the machine in all. */
  readonly queued_ms: number | null;
  readonly pending_ms: number | null;
  /** The same for a machine at full memory pressure, and at full CPU, beside an idle one. */
  readonly memoryPressure_ms: number | null;
  readonly cpu_ms: number | null;
  /** How much of all lateness each of these explains, 0 to 1. */
  readonly queuedFit: number | null;
  readonly pendingFit: number | null;
  readonly memoryPressureFit: number | null;
  readonly cpuFit: number | null;
  /** Answers of machines that throttled mildly and heavily, and how late they were; and those of cool ones. */
  readonly fair: number;
  readonly fairError_ms: number | null;
  readonly serious: number;
  readonly seriousError_ms: number | null;
  readonly coolError_ms: number | null;
  /** Answers of which the next best machine was kept, and how many of them it was expected to begin sooner. */
  readonly runnersUpKnown: number;
  readonly runnersUpFaster: number;
}

export interface Proposal {
  readonly coefficient: keyof typeof OBSERVED;
  readonly current: number;
  readonly proposed: number;
  /** From how many answers. */
  readonly answers: number;
}

interface Observed {
  readonly value: number;
  readonly answers: number;
}

/** What the answers of one row say of each coefficient that they can say anything of; undefined where they are too few. */
const OBSERVED = {
  batchSlowdown: slowdownOf,
  coldLoad_ms: ({ cold, coldTtft_ms }) => median(coldTtft_ms, cold),
  wakeLoad_ms: ({ woken, wokenTtft_ms }) => median(wokenTtft_ms, woken),
  decodeWeight: ({ answers, outputShare }) => median(outputShare, answers),
  prefillPerDecode: ({ rated, prefillPerDecode }) => median(prefillPerDecode, rated),
  queued_ms: ({ answers, queued_ms, queuedFit }) => slope(queued_ms, queuedFit, answers),
  pending_ms: ({ answers, pending_ms, pendingFit }) => slope(pending_ms, pendingFit, answers),
  memoryPressure_ms: ({ answers, memoryPressure_ms, memoryPressureFit }) => slope(memoryPressure_ms, memoryPressureFit, answers),
  cpu_ms: ({ answers, cpu_ms, cpuFit }) => slope(cpu_ms, cpuFit, answers),
  thermalFair_ms: ({ fair, fairError_ms, coolError_ms }) => beyond(fairError_ms, coolError_ms, fair),
  thermalSerious_ms: ({ serious, seriousError_ms, coolError_ms }) => beyond(seriousError_ms, coolError_ms, serious),
} as const satisfies Readonly<Partial<Record<keyof CostProfile, (row: CalibrationRow) => Observed | undefined>>>;
// Keys of a constant.
const NAMES = Object.keys(OBSERVED) as readonly Proposal["coefficient"][];

/** Coefficients that the answers speak against. Nothing here is ever applied by itself (routing.md §18). */
export function proposals(rows: readonly CalibrationRow[], inUse: CostProfile): readonly Proposal[] {
  return NAMES.flatMap((name) => proposal(name, rows.map(OBSERVED[name]), inUse) ?? []);
}

/** rate(B) = solo / (1 + slope × B), solved for the slope. */
function slowdownOf({ solo, shared, solo_tps, shared_tps, sharedWith }: CalibrationRow): Observed | undefined {
  if (solo < PROPOSAL_ANSWERS_MIN || shared < PROPOSAL_ANSWERS_MIN || !solo_tps || !shared_tps || !sharedWith) return undefined;
  return { value: Math.max(0, (solo_tps / shared_tps - 1) / sharedWith), answers: Math.min(solo, shared) };
}

function median(value: number | null, answers: number): Observed | undefined {
  return answers < PROPOSAL_ANSWERS_MIN || value === null ? undefined : { value, answers };
}

/** A cause that explains next to nothing proposes nothing: its slope is chance. */
function slope(value: number | null, fit: number | null, answers: number): Observed | undefined {
  return fit === null || fit < FIT_MIN || value === null ? undefined : median(Math.max(0, value), answers);
}

function beyond(value: number | null, usual: number | null, answers: number): Observed | undefined {
  return value === null || usual === null ? undefined : median(Math.max(0, value - usual), answers);
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
