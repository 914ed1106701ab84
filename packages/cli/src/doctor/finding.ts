/** What one check has come to. */
export interface Finding {
  /** Stable name, for programs. */
  readonly check: string;
  readonly status: "pass" | "warn" | "fail";
  /** What was found, in a sentence. */
  readonly words: string;
  /** What to do about it; undefined where nothing is wrong. */
  readonly fix: string | undefined;
}

export function pass(check: string, words: string): Finding {
  return { check, status: "pass", words, fix: undefined };
}

/** It serves, and not as well as it could. */
export function warn(check: string, words: string, fix: string): Finding {
  return { check, status: "warn", words, fix };
}

/** It cannot serve, or earns nothing. */
export function fail(check: string, words: string, fix: string): Finding {
  return { check, status: "fail", words, fix };
}
