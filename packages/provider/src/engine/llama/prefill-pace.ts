/** How long a piece may take beside running answers, on top of what it costs to go through the model, in what their next tokens took before the prompt came. */
const piece_max = 0.95;
/** How long both may take: answers grow while a long prompt is read, and take longer themselves. */
const step_max = 2.6;
/** What a piece gets at least, however slow answers have become: what it costs to go through the model, and so much of their own time. */
const share_min = 0.25;
/** How long a step may take that keeps no answer waiting: whoever comes meanwhile waits for its end. */
const quietStep_ms_max = 250;
/** How long it may take while another model waits for its turn. */
const sharedStep_ms_max = 50;
/** Reading the weights costs the same for few tokens as for many, so pieces do not shrink below this where nobody waits. */
const quietPiece_tokens_min = 32;
/** However slow steps are, a prompt gets done some time. */
const piece_tokens_min = 2;
/** The first piece where another model waits; what it may become is soon found out. */
const firstSharedPiece_tokens = 4;
/** A piece that took less of its time than this lets the next one grow. */
const growBelow = 0.8;
const growth = 1.25;
/** The most that a piece shrinks at once. */
const shrink_max = 0.5;
/** So many steps of one kind say what it takes: the best of them, as some are slow because the machine did something else. */
const steps_looked_at = 3;
/** Of answers some more: a piece that is too large by mistake costs more than one that is too small. */
const answers_looked_at = 5;
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
  /** No prompt is being computed: what answers take now is what they usually take. */
  rested(): void;
  next(surroundings: Surroundings): number;
  /** What a piece took. */
  observe(surroundings: Surroundings, prompt_tokens: number, duration_ms: number): void;
}

/** The size of a piece, and where one of that size was computed last. */
interface Piece {
  readonly tokens: number;
  readonly position_tokens: number;
  /** How long the last ones took. */
  readonly last_ms: readonly number[];
  /** The least that a piece of any size has taken: what it costs to go through the model. */
  readonly least_ms: number;
}

/**
 * Lets pieces grow while they take less time than they may, and shrink when they take more, for each number of answers beside them. What
 * a token costs depends on the machine, the model, the context and whatever else the machine does, so it is not reckoned but tried.
 */
export function createPrefillPace(prefill_tokens_max: number): PrefillPace {
  /** How long the last steps of the present number of answers took without their pieces. */
  let now = { answers: 0, last_ms: [] as readonly number[] };
  /** By number of answers: the best of what they took when there was no prompt. */
  const usual_ms = new Map<number, number>();
  const pieces = new Map<string, Piece>();
  /** The last piece beside answers. */
  let lastBeside: { readonly answers: number; readonly piece: Piece } | undefined;

  function bound_ms({ answers, isShared }: Surroundings, least_ms: number): number {
    if (answers === 0) return isShared ? sharedStep_ms_max : quietStep_ms_max;
    const now_ms = Math.min(...now.last_ms);
    const before_ms = Math.min(now_ms, usual_ms.get(answers) ?? now_ms);
    const room_ms = Math.min(Math.min(least_ms, before_ms) + before_ms * piece_max, before_ms * step_max - now_ms);
    return Math.max(room_ms, Math.min(least_ms, now_ms) + now_ms * share_min);
  }

  /** Where nothing was tried yet: what was beside another number of answers. */
  function knownOf({ answers, isShared }: Surroundings): Piece | undefined {
    const own = pieces.get(situation(answers, isShared));
    if (own !== undefined || answers === 0 || lastBeside === undefined) return own;
    const { piece } = lastBeside;
    const tokens = Math.floor(piece.tokens * Math.min(1, answers / lastBeside.answers));
    return { ...piece, tokens: Math.max(piece_tokens_min, tokens), last_ms: [] };
  }

  /** What the next piece would be if this step were like those before. */
  function pieceOf(surroundings: Surroundings): number {
    const { answers, isShared, position_tokens } = surroundings;
    const known = knownOf(surroundings);
    if (known === undefined) {
      if (answers > 0) return piece_tokens_min;
      return Math.min(prefill_tokens_max, isShared ? firstSharedPiece_tokens : prefill_tokens_max);
    }
    // A prompt of which much is remembered begins where tokens cost more than those of the last one did.
    if (answers === 0 || position_tokens <= known.position_tokens) return known.tokens;
    const cheaper = (known.position_tokens + doubleCost_tokens) / (position_tokens + doubleCost_tokens);
    return Math.max(piece_tokens_min, Math.round(known.tokens * cheaper));
  }

  return {
    answered(answers, duration_ms) {
      now = { answers, last_ms: answers === now.answers ? withLast(now.last_ms, duration_ms, answers_looked_at) : [duration_ms] };
    },
    rested() {
      if (now.answers > 0) usual_ms.set(now.answers, Math.min(...now.last_ms));
    },
    next(surroundings) {
      const usually = pieceOf(surroundings);
      const known = knownOf(surroundings);
      const last_ms = now.last_ms.at(-1);
      if (surroundings.answers === 0 || known === undefined || last_ms === undefined) return usually;
      // Answers that took longer than usual in this very step have waited for that already.
      const bound = bound_ms(surroundings, known.least_ms);
      const late_ms = last_ms - Math.min(...now.last_ms);
      return Math.max(piece_tokens_min, Math.min(usually, Math.round((usually * (bound - late_ms)) / bound)));
    },
    observe(surroundings, prompt_tokens, duration_ms) {
      const given = pieceOf(surroundings);
      // The end of a prompt, or what a slow step left room for, may be a few tokens, which say little of what more would cost.
      if (prompt_tokens < given) return;
      const { answers, isShared, position_tokens } = surroundings;
      const known = knownOf(surroundings);
      const last_ms = withLast(known?.tokens === given ? known.last_ms : [], duration_ms, steps_looked_at);
      const least_ms = Math.min(known?.least_ms ?? Number.POSITIVE_INFINITY, duration_ms);
      const bound = bound_ms(surroundings, least_ms);
      const best_ms = Math.min(...last_ms);
      const min = answers === 0 && !isShared ? quietPiece_tokens_min : piece_tokens_min;
      const set = (tokens: number): void => {
        const next = Math.min(prefill_tokens_max, Math.max(min, tokens));
        const piece = { tokens: next, position_tokens, last_ms: next === given ? last_ms : [], least_ms };
        pieces.set(situation(answers, isShared), piece);
        if (answers > 0) lastBeside = { answers, piece };
      };
      if (best_ms < bound * growBelow) set(Math.ceil(given * growth));
      else if (best_ms > bound && last_ms.length === steps_looked_at) set(Math.floor(given * Math.max(shrink_max, bound / best_ms)));
      else set(given);
    },
  };
}

function withLast(steps_ms: readonly number[], duration_ms: number, count: number): readonly number[] {
  return [...steps_ms, duration_ms].slice(-count);
}

function situation(answers: number, isShared: boolean): string {
  return answers === 0 && isShared ? "shared" : String(answers);
}
