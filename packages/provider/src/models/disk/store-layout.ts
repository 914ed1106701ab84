import path from "node:path";

/** Where things are below the folder of models. Names with a dot are work in progress and never models. */
export interface StoreLayout {
  readonly root: string;
  /** What is being fetched, one folder each, on the same file system as the models. */
  readonly staging: string;
  /** What was taken away and is being deleted. */
  readonly removed: string;
  /** Which models a running provider holds. */
  readonly inUse: string;
}

/** Where a provider's models are: in its home, or in a folder of their own. Absolute. */
export interface StorePlace {
  readonly home: string;
  readonly modelsDirectory?: string | undefined;
}

export function storeLayout({ home, modelsDirectory }: StorePlace): StoreLayout {
  const root = modelsDirectory ?? path.join(home, "models");
  const below = (name: string): string => path.join(root, name);
  return { root, staging: below(".staging"), removed: below(".removed"), inUse: below(".in-use.json") };
}
