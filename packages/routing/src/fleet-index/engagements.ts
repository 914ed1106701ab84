import type { ProviderView } from "../types.js";

const NONE: readonly string[] = [];

/** Which machines have a build in memory, or work for it; kept, so that they are found without looking at all that offer it. */
export interface Engagements {
  /** @param before the machine's former view; undefined for a new machine */
  set(view: ProviderView, before: ProviderView | undefined): void;
  remove(view: ProviderView): void;
  /** Sessions of the machines. */
  of(build: string): Iterable<string>;
}

export function createEngagements(): Engagements {
  const sessions = new Map<string, Set<string>>();

  function forget(build: string, id: string): void {
    const engaged = sessions.get(build);
    engaged?.delete(id);
    if (engaged?.size === 0) sessions.delete(build);
  }

  function engage(build: string, id: string): void {
    const engaged = sessions.get(build);
    if (engaged === undefined) sessions.set(build, new Set([id]));
    else engaged.add(id);
  }

  return {
    set(view, before) {
      // Most changes of a view touch neither.
      if (before !== undefined && before.slots === view.slots && before.pending === view.pending) return;
      if (before !== undefined) {
        for (const build of before.slots?.keys() ?? NONE) if (!isEngaged(view, build)) forget(build, view.id);
        for (const build of before.pending.keys()) if (!isEngaged(view, build)) forget(build, view.id);
      }
      // Where it is in the set already, the set, which is large, is best left alone.
      for (const build of view.slots?.keys() ?? NONE) if (before === undefined || !isEngaged(before, build)) engage(build, view.id);
      for (const build of view.pending.keys()) if (before === undefined || !isEngaged(before, build)) engage(build, view.id);
    },
    remove(view) {
      for (const build of view.slots?.keys() ?? NONE) forget(build, view.id);
      for (const build of view.pending.keys()) forget(build, view.id);
    },
    of: (build) => sessions.get(build) ?? NONE,
  };
}

function isEngaged({ slots, pending }: ProviderView, build: string): boolean {
  return slots?.has(build) === true || pending.has(build);
}
