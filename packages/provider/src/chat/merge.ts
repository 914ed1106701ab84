/**
 * Several iterations as one: items in the order in which they come. Rejects as the first that does, and returns the others; leaving it
 * returns all.
 *
 * @returns what each iteration returned, in their order
 */
export async function* merge<Item, End>(iterations: readonly AsyncGenerator<Item, End, void>[]): AsyncGenerator<Item, End[], void> {
  const [only] = iterations;
  // Most requests want one answer, which need not race against itself for every token.
  if (only !== undefined && iterations.length === 1) return [yield* only];
  const ends: End[] = [];
  const pending = new Map(iterations.map((iteration, index) => [index, step(iteration, index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      const iteration = iterations[index];
      // To the end of the line, so that an iteration that always has something does not keep the others waiting.
      pending.delete(index);
      if (result.done === true || iteration === undefined) {
        if (result.done === true) ends[index] = result.value;
        continue;
      }
      pending.set(index, step(iteration, index));
      yield result.value;
    }
    return ends;
  } finally {
    // Steps under way end with their iterations; how, nobody asks any more.
    for (const one of pending.values()) one.catch(() => undefined);
    await Promise.allSettled([...pending.keys()].map((index) => iterations[index]?.return(undefined as never)));
  }
}

async function step<Item, End>(iteration: AsyncGenerator<Item, End, void>, index: number) {
  return { index, result: await iteration.next() };
}
