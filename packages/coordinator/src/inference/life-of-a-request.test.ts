import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProviderClient, ServedRequest } from "../fleet/testing/index.js";
import { arrived, ONE_PLACE, openTestBooks, startTestInference, type TestBooks, type TestInference } from "./testing/index.js";

/** What a provider may do next with a request, sensible or not. Sealing after the final chunk fails in the provider itself. */
const ACTS = {
  accept: async (request: ServedRequest) => request.accept(),
  load: async (request: ServedRequest) => request.accept("loading"),
  start: (request: ServedRequest) => request.chunk([{ type: "started", promptTokens: 5, cachedPromptTokens: 0 }]),
  speak: (request: ServedRequest) => request.chunk([{ type: "text", text: "word ", tokens: 1 }]),
  close: (request: ServedRequest) => request.chunk([], "final"),
  finish: (request: ServedRequest) => request.finish(),
  lie: (request: ServedRequest) => request.finish({ receipt: { chunks: 99 } }),
  garble: async (request: ServedRequest) => request.rawChunk(new Uint8Array(48)),
  refuse: async (request: ServedRequest) => request.fail("capacity_slots"),
  crash: async (request: ServedRequest) => request.fail("engine_crash"),
} as const;
type Act = keyof typeof ACTS;

const act: fc.Arbitrary<Act> = fc.constantFrom(...(Object.keys(ACTS) as Act[]));
const sensible = fc.constant<Act[]>(["accept", "start", "speak", "speak", "close", "finish"]);
const script = fc.oneof(
  fc.array(act, { maxLength: 6 }),
  sensible,
  sensible.chain((acts) => fc.nat(acts.length).map((end) => acts.slice(0, end))),
);
const story = fc.record({
  scripts: fc.tuple(script, script),
  dies: fc.tuple(fc.boolean(), fc.boolean()),
  /** After so many batches the consumer leaves; 4 is never. */
  leavesAfter: fc.nat(4),
  leavesAtOnce: fc.boolean(),
  stream: fc.boolean(),
});

describe("whatever two providers and a consumer do", () => {
  let books: TestBooks;
  beforeAll(async () => {
    books = await openTestBooks();
  });
  afterAll(() => books.close());

  it("the request ends, its money ends once, every place is free again, and no timer stays", async () => {
    await fc.assert(
      fc.asyncProperty(story, async ({ scripts, dies, leavesAfter, leavesAtOnce, stream }) => {
        const test = await startTestInference(books);
        const cast = await Promise.all(scripts.map((acts, index) => join(test, acts, dies[index] === true)));
        const leaving = new AbortController();
        const asked = test.ask({}, { consumerGone: leaving.signal, stream });
        if (leavesAtOnce) leaving.abort();
        const reading = (async () => {
          let batches = 0;
          for await (const _ of (await asked).events) {
            batches += 1;
            if (batches > leavesAfter) leaving.abort();
          }
        })();
        await passTime(test, cast, Promise.allSettled([reading]));

        const ended = test.ledger.calls.filter((call) => /^(?:settle|release)/.test(call));
        expect(ended).toHaveLength(test.ledger.calls.filter((call) => call === "hold").length);
        expect(test.inference.inFlight()).toBe(0);
        expect(test.placesTaken()).toBe(0);
        for (const { provider } of cast) provider.kill();
        await test.close();
        expect(test.clock.pendingTimers).toBe(0);
      }),
      { numRuns: 30 },
    );
  }, 60_000);
});

interface Player {
  readonly provider: ProviderClient;
  /** What it has begun to serve. */
  readonly serving: Promise<void>[];
}

async function join(test: TestInference, acts: readonly Act[], dies: boolean): Promise<Player> {
  const serving: Promise<void>[] = [];
  const provider: ProviderClient = await test.provider({
    slots: ONE_PLACE,
    answersChallenges: false,
    serve: (request) => void serving.push(play(request)),
  });
  async function play(request: ServedRequest): Promise<void> {
    // Sealing behind a final chunk fails in the provider itself.
    for (const next of acts) await ACTS[next](request).catch(() => undefined);
    if (dies) provider.kill();
  }
  return { provider, serving };
}

/** Moves the clock whenever nothing else moves any more, until the request is over and accounted for. */
async function passTime(test: TestInference, cast: readonly Player[], ended: Promise<unknown>): Promise<void> {
  let over = false;
  const done = ended.then(() => test.ledger.allEnded()).then(() => (over = true));
  await Promise.race([test.ledger.granted(1), done]);
  while (!over || test.inference.inFlight() > 0) {
    await quiet(cast);
    await test.clock.advance(5_000);
  }
}

/** Resolves when every provider has said all that it is going to say, and the coordinator has heard it. */
async function quiet(cast: readonly Player[]): Promise<void> {
  for (let begun = -1; begun !== count(cast); ) {
    begun = count(cast);
    await Promise.all(cast.flatMap(({ serving }) => serving));
    await Promise.all(cast.map(({ provider }) => Promise.race([arrived(provider), provider.closed])));
  }
}

function count(cast: readonly Player[]): number {
  return cast.reduce((sum, { serving }) => sum + serving.length, 0);
}
