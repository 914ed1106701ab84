/** How long a step may take beside running answers, in steps that compute nothing but their next tokens. */
const stretch_max = 1.8;
/** How long a step may take that keeps no answer waiting: whoever comes meanwhile waits for its end. */
const quietStep_ms_max = 250;
/** How long it may take while another model waits for its turn. */
const sharedStep_ms_max = 50;
/** Reading the weights costs the same for few tokens as for many, so pieces do not shrink below this where nobody waits. */
const quietPiece_tokens_min = 32;
/** However slow steps are, a prompt gets done some time. */
const piece_tokens_min = 2;
/** The first piece where others wait; what it may become is soon found out. */
const firstPiece_tokens = 4;
/** A step that took less of its time than this lets the next piece grow. */
const growBelow = 0.8;
const growth = 1.25;
/** The most that a piece shrinks at once. */
const shrink_max = 0.5;
/** So many steps of one kind say what it takes: the best of them, as some are slow because the machine did something else. */
const steps_looked_at = 3;
/** After so many steps with a piece, one without: what is usual changes with what else the machine does. */
const steps_between_looks = 12;

/** One step as it was computed. */
export interface Step {
  /** Answers that went on by one token. */
  readonly answers: number;
  /** Tokens of prompts. */
  readonly prompt_tokens: number;
  /** Another model waited for its turn. */
  readonly isShared: boolean;
  readonly duration_ms: number;
}

/** How many tokens of prompts a step may compute, so that a long prompt does not stall the answers beside it. */
export interface PrefillPace {
  /** 0 now and then, when there are answers to compute. */
  next(answers: number, isShared: boolean): number;
  observe(step: Step): void;
}

/**
 * Lets pieces grow while steps are shorter than they may be, and shrink when they are longer, for each number of answers beside them. What
 * a token costs depends on the machine, the model, the context and whatever else the machine does, so it is not reckoned but tried.
 */
export function createPrefillPace(prefill_tokens_max: number): PrefillPace {
  /** By number of answers: how long the last steps took that computed nothing else. */
  const looks_ms = new Map<number, readonly number[]>();
  const pieces = new Map<string, number>();
  /** The last steps with a piece of the present size, by situation. */
  const last_ms = new Map<string, readonly number[]>();
  let sinceLook = 0;

  function bound_ms(answers: number, isShared: boolean): number | undefined {
    if (answers === 0) return isShared ? sharedStep_ms_max : quietStep_ms_max;
    const looks = looks_ms.get(answers);
    return looks === undefined ? undefined : Math.min(...looks) * stretch_max;
  }

  function piece(answers: number, isShared: boolean): number {
    const first = answers === 0 && !isShared ? prefill_tokens_max : firstPiece_tokens;
    return Math.min(prefill_tokens_max, pieces.get(situation(answers, isShared)) ?? first);
  }

  return {
    next(answers, isShared) {
      if (answers > 0 && sinceLook >= steps_between_looks) return 0;
      return piece(answers, isShared);
    },
    observe({ answers, prompt_tokens, isShared, duration_ms }) {
      sinceLook = prompt_tokens === 0 ? 0 : sinceLook + 1;
      if (prompt_tokens === 0) {
        looks_ms.set(answers, withLast(looks_ms.get(answers), duration_ms));
        return;
      }
      const given = piece(answers, isShared);
      const bound = bound_ms(answers, isShared);
      // The end of a prompt may be a few tokens, which say little of what more would cost.
      if (bound === undefined || prompt_tokens < given) return;
      const key = situation(answers, isShared);
      const min = answers === 0 && !isShared ? quietPiece_tokens_min : piece_tokens_min;
      const set = (tokens: number) => {
        pieces.set(key, Math.min(prefill_tokens_max, Math.max(min, tokens)));
        last_ms.delete(key);
      };
      const steps_ms = withLast(last_ms.get(key), duration_ms);
      last_ms.set(key, steps_ms);
      const best_ms = Math.min(...steps_ms);
      if (best_ms < bound * growBelow) set(Math.ceil(given * growth));
      else if (best_ms > bound && steps_ms.length === steps_looked_at) set(Math.floor(given * Math.max(shrink_max, bound / best_ms)));
    },
  };
}

function withLast(steps_ms: readonly number[] = [], duration_ms: number): readonly number[] {
  return [...steps_ms, duration_ms].slice(-steps_looked_at);
}

function situation(answers: number, isShared: boolean): string {
  return answers === 0 && isShared ? "shared" : String(answers);
}
