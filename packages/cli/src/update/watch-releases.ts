import type { Clock, ReleaseClaims } from "@umbel/protocol";
import { CliError } from "../exit-codes.js";

/** Source: provider.md §18. Spread, so that the machines of a network do not all come at once. */
const FIRST_ms = 300_000;
const EVERY_ms = 1_800_000;
const SPREAD = 0.1;

/** What a provider knows of releases while it serves. */
export interface ReleaseWatch {
  /** Resolves once with a release that is fetched, verified, unpacked and to take this one's place; never rejects. */
  readonly ready: Promise<ReleaseClaims>;
  /** When it last looked, and what kept it from taking a release in. */
  state(): { readonly looked_at: string | null; readonly problem: string | null };
  stop(): void;
}

/**
 * Looks for a release again and again, one look at a time, until one is ready.
 *
 * @param look what is ready, if anything is; what it throws is told, and tried again at the next look
 */
export function watchReleases(options: {
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly look: (signal: AbortSignal) => Promise<ReleaseClaims | undefined>;
  readonly onProblem: (problem: string) => void;
}): ReleaseWatch {
  const { clock, random, look, onProblem } = options;
  const abort = new AbortController();
  let looked_at: string | null = null;
  let problem: string | null = null;
  let cancel = (): void => undefined;
  let settle: (claims: ReleaseClaims) => void = () => undefined;
  const ready = new Promise<ReleaseClaims>((resolve) => {
    settle = resolve;
  });

  function plan(delay_ms: number): void {
    cancel = clock.setTimer(delay_ms * (1 - SPREAD + 2 * SPREAD * random()), () => void once(), "background");
  }
  async function once(): Promise<void> {
    try {
      const found = await look(abort.signal);
      problem = null;
      if (found !== undefined && !abort.signal.aborted) {
        settle(found);
        return;
      }
    } catch (error) {
      problem = error instanceof CliError ? error.message : String(error);
      if (!abort.signal.aborted) onProblem(problem);
    } finally {
      looked_at = clock.date().toISOString();
    }
    if (!abort.signal.aborted) plan(EVERY_ms);
  }
  plan(FIRST_ms);
  return {
    ready,
    state: () => ({ looked_at, problem }),
    stop() {
      abort.abort(new CliError("The provider stops.", 1));
      cancel();
    },
  };
}
