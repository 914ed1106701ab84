import { ApiError } from "@umbel/dialects";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestBooks, readAll, startTestInference, type TestBooks, type TestInference, testPrincipal, textOf } from "../testing/index.js";

/** Ten times the list price of the test build. */
const DEAR = { input_microUsd: 500_000n, output_microUsd: 2_000_000n };
const TOKENS = { "token-dear": "dear", "token-poor": "poor" };

describe("machines whose owner asks for more", () => {
  let books: TestBooks;
  let test: TestInference;
  beforeAll(async () => {
    books = await openTestBooks();
    await books.ownPrice("dear", DEAR);
  });
  afterAll(() => books.close());
  beforeEach(async () => {
    test = await startTestInference(books, { tokens: TOKENS });
  });
  afterEach(() => test.close());

  const dear = (answer: string) => test.provider({ authToken: "token-dear", serve: (request) => request.answer(answer) });

  it("are asked by who can pay them, and paid what they ask for", async () => {
    await dear("one two three");
    const answer = await test.ask({ maxOutputTokens: 1_000 });
    expect(textOf(await readAll(answer))).toBe("one two three");
    expect(await answer.settled).toMatchObject({ state: "settled" });
    expect(test.ledger.settlements).toMatchObject([{ attempt: 0, ownPrices: DEAR }]);
  });

  it("are passed over by who cannot: another machine answers, and nobody notices", async () => {
    await dear("too dear");
    const first = await test.ask({ maxOutputTokens: 1_000 }, { principal: testPrincipal("poor") }).catch((error: unknown) => error);
    expect(first).toBeInstanceOf(ApiError);
    expect(first).toMatchObject({ status: 402, code: "insufficient_quota", type: "insufficient_funds" });
    expect(await test.ledger.balance("poor")).toMatchObject({ held_microUsd: 0n });
    await test.provider({ serve: (request) => request.answer("cheap") });
    for (let count = 0; count < 3; count += 1) {
      const answer = await test.ask({ maxOutputTokens: 1_000 }, { principal: testPrincipal("poor") });
      expect(textOf(await readAll(answer))).toBe("cheap");
      await answer.settled;
    }
  });

  it("cost nothing to who owns them, and are seen by nobody else in the account's usage", async () => {
    await test.provider({ authToken: "token-poor", serve: (request) => request.answer("mine") });
    const before = await test.ledger.balance("poor");
    for (const ownMachines of ["only", "preferred"] as const) {
      const answer = await test.ask({ maxOutputTokens: 100 }, { principal: testPrincipal("poor"), ownMachines });
      expect(textOf(await readAll(answer))).toBe("mine");
      expect(await answer.settled).toMatchObject({ state: "settled", cost_microUsd: 0n });
    }
    expect(await test.ledger.balance("poor")).toEqual(before);
  });
});
