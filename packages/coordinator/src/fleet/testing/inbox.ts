/** How long a test waits for something that should come at once. */
const PATIENCE_MS = 5_000;

/** Things that arrive, for tests to wait for in the order and kind they choose. Each is taken once. */
export class Inbox<Item> {
  readonly #items: Item[] = [];
  readonly #takers = new Set<(item: Item) => boolean>();

  put(item: Item): void {
    for (const taker of this.#takers) if (taker(item)) return;
    this.#items.push(item);
  }

  /** The first item that matches, now or later. Rejects after five seconds with what has come instead. */
  take<Wanted extends Item>(what: string, matches: (item: Item) => item is Wanted): Promise<Wanted> {
    const index = this.#items.findIndex(matches);
    const [found] = index < 0 ? [] : this.#items.splice(index, 1);
    if (found !== undefined && matches(found)) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const taker = (item: Item): boolean => {
        if (!matches(item)) return false;
        clearTimeout(timer);
        this.#takers.delete(taker);
        resolve(item);
        return true;
      };
      const timer = setTimeout(() => {
        this.#takers.delete(taker);
        reject(new Error(`no ${what} came; instead: ${JSON.stringify(this.#items)}`));
      }, PATIENCE_MS);
      this.#takers.add(taker);
    });
  }

  /** What has come and was not taken. */
  waiting(): readonly Item[] {
    return this.#items;
  }
}
