/**
 * How many times as long as the next tokens of its answers a step may take with its piece. What is left to four is for chance, and for what those take
 * longer because the pieces have put them out of the processor's caches (a fifth to a third, measured on models of 3 and 107 million weights).
 */
const step_max = 2.4;
/** What a piece gets at least where answers were late in its step, of what they take. */
const share_min = 0.25;
/** How long a step may take that keeps no answer waiting: whoever comes meanwhile waits for its end. */
const quietStep_ms_max = 250;
/** How long it may take while another model waits for its turn. */
const sharedStep_ms_max = 50;
/** Reading the weights costs the same for few tokens as for many, so pieces do not shrink below this where nobody waits. */
const quietPiece_tokens_min = 32;
/** However slow steps are, a prompt gets done some time. */
const piece_tokens_min = 2;
/** Pieces beside answers, while another model waits, and while nobody does. */
type Kind = "beside" | "shared" | "alone";
/** The first piece of a kind; what others may become is soon found out. */
const firstPiece_tokens: Readonly<Record<Kind, number>> = { beside: piece_tokens_min, shared: 4, alone: Number.POSITIVE_INFINITY };
/** The most that a piece grows at once, in case larger ones cost more by the token. */
const growth = 1.5;
/** So many of the last steps say what a step takes: the middle one of them, as some are slow because the machine did something else. */
const steps_looked_at = 5;
/** So far into its context a token costs twice what it costs at the beginning, on small models; on larger ones that is much further. */
const doubleCost_tokens = 512;

/** What a piece is computed beside. */
export interface Surroundings {
  /** Answers that go on by one token in the same step. */
  readonly answers: number;
  /** Another model waits for its turn. */
  readonly isShared: boolean;
  /** Where in its context the piece begins; of several, the furthest. */
  readonly position_tokens: number;
}

/** How many tokens of prompts a step may compute, so that a long prompt does not stall the answers beside it. */
export interface PrefillPace {
  /** What the next tokens of so many answers took, before any piece of the same step. */
  answered(answers: number, duration_ms: number): void;
  next(surroundings: Surroundings): number;
  /** What a piece took. */
  observe(surroundings: Surroundings, prompt_tokens: number, duration_ms: number): void;
}

/** A piece that was computed. */
interface Piece {
  readonly tokens: number;
  readonly position_tokens: number;
  readonly duration_ms: number;
}

/** What was learnt of pieces of one kind. */
interface Tried {
  /** The size that the last piece could have had. */
  readonly tokens: number;
  readonly last: readonly Piece[];
  /** The least that a piece of any size has taken: about what it costs to go through the model. */
  readonly least_ms: number;
}

/**
 * Reckons from what the last pieces took how large the next may be. What a token costs depends on the machine, the model, the context and whatever else
 * the machine does, so it is measured all the time. A step is held against what its answers take now, and not before the prompt came: they grow while
 * it is read, and the less it is given the longer they do.
 */
export function createPrefillPace(prefill_tokens_max: number): PrefillPace {
  /** How long the last steps of the present number of answers took without their pieces. */
  let now = { answers: 0, last_ms: [] as readonly number[] };
  const tried = new Map<Kind, Tried>();

  function room_ms({ answers, isShared }: Surroundings): number {
    if (answers === 0) return isShared ? sharedStep_ms_max : quietStep_ms_max;
    const answers_ms = median(now.last_ms);
    // Answers that took longer than usual in this very step have waited for that already.
    const late_ms = Math.max(0, (now.last_ms.at(-1) ?? 0) - answers_ms);
    return Math.max(answers_ms * (step_max - 1) - late_ms, answers_ms * share_min);
  }

  function next(surroundings: Surroundings): number {
    const kind = kindOf(surroundings);
    const known = tried.get(kind);
    if (known === undefined) return Math.min(prefill_tokens_max, firstPiece_tokens[kind]);
    const { tokens, last, least_ms } = known;
    // What a piece costs before its first token is not known, but is less than any piece took. A wrong guess makes the next piece wrong, and not those after it.
    const start_ms = least_ms / 2;
    const token_ms = median(
      last.map((piece) => ((piece.duration_ms - start_ms) / piece.tokens) * costlier(surroundings.position_tokens, piece.position_tokens)),
    );
    const fits = Math.floor((room_ms(surroundings) - start_ms) / token_ms);
    const min_tokens = kind === "alone" ? quietPiece_tokens_min : piece_tokens_min;
    return Math.min(prefill_tokens_max, Math.max(min_tokens, Math.min(fits, Math.ceil(tokens * growth))));
  }

  return {
    answered(answers, duration_ms) {
      now = { answers, last_ms: answers === now.answers ? withLast(now.last_ms, duration_ms) : [duration_ms] };
    },
    next,
    observe(surroundings, tokens, duration_ms) {
      // The end of a prompt may be a few tokens, which say little of what more would cost.
      if (tokens < next(surroundings)) return;
      const kind = kindOf(surroundings);
      const known = tried.get(kind);
      tried.set(kind, {
        tokens,
        last: withLast(known?.last ?? [], { tokens, position_tokens: surroundings.position_tokens, duration_ms }),
        least_ms: Math.min(known?.least_ms ?? Number.POSITIVE_INFINITY, duration_ms),
      });
    },
  };
}

/** How many times as much a token costs at a position as at one before it: of a prompt of which much is remembered the first piece lies far behind the last one of another. */
function costlier(position_tokens: number, than_tokens: number): number {
  return Math.max(1, (position_tokens + doubleCost_tokens) / (than_tokens + doubleCost_tokens));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[(numbers.length - 1) >> 1] ?? 0;
}

function withLast<T>(list: readonly T[], item: T): readonly T[] {
  return [...list, item].slice(-steps_looked_at);
}

function kindOf({ answers, isShared }: Surroundings): Kind {
  if (answers > 0) return "beside";
  return isShared ? "shared" : "alone";
}
