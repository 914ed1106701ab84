/** Things on their way, by numbers that are used again once they have arrived. */
export class Parcels<Thing> {
  readonly #things: (Thing | undefined)[] = [];
  readonly #free: number[] = [];

  put(thing: Thing): number {
    const number = this.#free.pop() ?? this.#things.length;
    this.#things[number] = thing;
    return number;
  }

  take(number: number): Thing | undefined {
    const thing = this.#things[number];
    if (thing === undefined) return undefined;
    this.#things[number] = undefined;
    this.#free.push(number);
    return thing;
  }
}
