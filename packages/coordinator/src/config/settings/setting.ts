import { duration, type Form, wholeNumber } from "../forms.js";

/** One setting: its form, its name in the environment, its default as one would write it, and what it does. */
export interface Setting<Value> extends Form<Value> {
  readonly env: string;
  readonly default: string;
  readonly about: string;
  /** Never shown; may also be given as a file named by `<env>_FILE`. */
  readonly secret?: true;
}

export const HOUR_ms = 3_600_000;

export function setting<Value>(form: Form<Value>, rest: Omit<Setting<Value>, keyof Form<Value>>): Setting<Value> {
  return { ...form, ...rest };
}

export function wait(env: string, fallback: string, about: string, least_ms = 1): Setting<number> {
  return setting(duration({ least_ms, most_ms: 24 * HOUR_ms }), { env, default: fallback, about });
}

export function pressure(env: string, fallback: string, what: string): Setting<number> {
  return setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env,
    default: fallback,
    about: `${what}, from which on they count as pressure.`,
  });
}
