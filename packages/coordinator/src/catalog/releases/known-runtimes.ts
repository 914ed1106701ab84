import type { Releases } from "./create-releases.js";

export interface KnownRuntimesOptions {
  readonly releases: Pick<Releases, "all">;
  /** Programs that are accepted besides the releases. */
  readonly others: readonly string[];
  /** What is known has changed. */
  readonly onChanged: () => void;
}

/** Hashes of the programs that machines may run: of every release that is offered, and of whatever else the operator has named (trust.md §10). */
export interface KnownRuntimes {
  has(hash: string | undefined): boolean;
  /** Looks at the releases again. What was known stays where that fails. @throws when the database cannot answer */
  refresh(): Promise<void>;
}

export function createKnownRuntimes({ releases, others, onChanged }: KnownRuntimesOptions): KnownRuntimes {
  let known = new Set(others);
  return {
    has: (hash) => hash !== undefined && known.has(hash),
    async refresh() {
      const offered = (await releases.all()).filter(({ active }) => active).map(({ binaryHash }) => binaryHash);
      const now = new Set([...others, ...offered]);
      if (now.size === known.size && [...now].every((hash) => known.has(hash))) return;
      known = now;
      onChanged();
    },
  };
}
