const NONE: readonly string[] = [];

/** Sessions by something they have in common. Most lists have one member, and then no list is made. */
export class SessionLists {
  readonly #lists = new Map<string, string | Set<string>>();

  add(key: string, session: string): void {
    const known = this.#lists.get(key);
    if (known === undefined) this.#lists.set(key, session);
    else if (typeof known === "string") this.#lists.set(key, new Set([known, session]));
    else known.add(session);
  }

  remove(key: string, session: string): void {
    const known = this.#lists.get(key);
    if (known instanceof Set) known.delete(session);
    if (known === session || (known instanceof Set && known.size === 0)) this.#lists.delete(key);
  }

  of(key: string): Iterable<string> {
    const known = this.#lists.get(key);
    return known === undefined ? NONE : typeof known === "string" ? [known] : known;
  }
}
