/** How long a step may take beside running answers, in steps that compute nothing but their next tokens. */
const stretch_max = 2.5;
/** How long a step may take that keeps no answer waiting: whoever comes meanwhile waits for its end. */
const quietStep_ms_max = 250;
/** How long it may take while another model waits for its turn. */
const sharedStep_ms_max = 50;
/** Reading the weights costs the same for few tokens as for many, so pieces do not shrink below these. */
const quietPiece_tokens_min = 32;
const piece_tokens_min = 8;
/** The first piece beside running answers. */
const firstPiece_tokens = 16;
/** A step that took less of its time than this lets the next piece grow. */
const growBelow = 0.7;
const growth = 1.5;
/** One step that was slow for another reason does not make the next piece tiny. */
const shrink_max = 0.5;
/** Weight of the newest observation. */
const weight = 0.25;

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
  next(answers: number, isShared: boolean): number;
  observe(step: Step): void;
}

/**
 * Lets pieces grow while steps are shorter than they may be, and shrink when they are longer, for each number of answers beside them. What
 * a token costs depends on the machine, the model, the context and whatever else the machine does, so it is not reckoned but tried.
 */
export function createPrefillPace(prefill_tokens_max: number): PrefillPace {
  /** By number of answers: how long a step takes that computes nothing else. */
  const usual_ms = new Map<number, number>();
  const pieces = new Map<string, number>();

  function bound_ms(answers: number, isShared: boolean): number | undefined {
    if (answers === 0) return isShared ? sharedStep_ms_max : quietStep_ms_max;
    const usual = usual_ms.get(answers);
    return usual === undefined ? undefined : usual * stretch_max;
  }

  function next(answers: number, isShared: boolean): number {
    const first = answers === 0 && !isShared ? prefill_tokens_max : firstPiece_tokens;
    return Math.min(prefill_tokens_max, pieces.get(situation(answers, isShared)) ?? first);
  }

  return {
    next,
    observe({ answers, prompt_tokens, isShared, duration_ms }) {
      if (prompt_tokens === 0) {
        const before = usual_ms.get(answers) ?? duration_ms;
        usual_ms.set(answers, before + weight * (duration_ms - before));
        return;
      }
      const piece = next(answers, isShared);
      const bound = bound_ms(answers, isShared);
      if (bound === undefined) return;
      const min = answers === 0 && !isShared ? quietPiece_tokens_min : piece_tokens_min;
      const set = (tokens: number) => pieces.set(situation(answers, isShared), Math.min(prefill_tokens_max, Math.max(min, tokens)));
      if (duration_ms > bound) set(Math.floor(Math.min(piece, prompt_tokens) * Math.max(shrink_max, bound / duration_ms)));
      // The end of a prompt may be a few tokens, which say little of what more would cost.
      else if (duration_ms < bound * growBelow && prompt_tokens >= piece) set(Math.ceil(piece * growth));
    },
  };
}

function situation(answers: number, isShared: boolean): string {
  return answers === 0 && isShared ? "shared" : String(answers);
}
