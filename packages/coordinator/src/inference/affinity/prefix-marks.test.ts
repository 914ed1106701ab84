import { type ChatRequest, chatRequest } from "@umbel/dialects";
import { describe, expect, it } from "vitest";
import { prefixMarks } from "./prefix-marks.js";

const SALT = new Uint8Array(32);
const OWNER = { accountId: "account", build: "oak", cacheKey: undefined };

function conversation(...texts: string[]): ChatRequest {
  const roles = ["system", "user", "assistant"] as const;
  return chatRequest.parse({
    model: "oak",
    messages: texts.map((text, index) => ({ role: roles[index === 0 ? 0 : 1 + ((index + 1) % 2)], content: [{ type: "text", text }] })),
  });
}

const keys = (...[request, owner = OWNER, salt = SALT]: [ChatRequest, (typeof OWNER | { cacheKey: string })?, Uint8Array?]): string[] =>
  prefixMarks(request, 100, { ...OWNER, ...owner }, salt).map(({ key }) => key);

describe("the marks of a prompt", () => {
  it("are those of the turn before, and more", () => {
    const before = keys(conversation("be brief", "hello"));
    const after = keys(conversation("be brief", "hello", "hi", "and now?"));
    expect(before).toHaveLength(2);
    expect(after.slice(0, 2)).toEqual(before);
    expect(new Set(after).size).toBe(4);
  });

  it("part where prompts part, and stay apart", () => {
    const one = keys(conversation("be brief", "hello", "hi", "same"));
    const other = keys(conversation("be brief", "hallo", "hi", "same"));
    expect(other[0]).toBe(one[0]);
    for (let index = 1; index < 4; index += 1) expect(other[index]).not.toBe(one[index]);
    // Where one message ends and the next begins counts, too.
    expect(keys(conversation("a", "bc"))[1]).not.toBe(keys(conversation("ab", "c"))[1]);
  });

  it("differ between accounts, builds, cache keys, salts, and what stands before all messages", () => {
    const request = conversation("be brief", "hello");
    const tool = { name: "look", parameters: {} };
    const all = [
      keys(request),
      keys(request, { ...OWNER, accountId: "other" }),
      keys(request, { ...OWNER, build: "elm" }),
      keys(request, { cacheKey: "thread" }),
      keys(request, OWNER, new Uint8Array(32).fill(1)),
      keys(chatRequest.parse({ ...request, tools: [tool] })),
    ].flat();
    expect(new Set(all).size).toBe(all.length);
  });

  it("begin with the caller's own key, which claims the whole prompt", () => {
    const [first] = prefixMarks(conversation("a", "b"), 100, { ...OWNER, cacheKey: "thread" }, SALT);
    expect(first).toEqual({ key: keys(conversation("c"), { cacheKey: "thread" })[0], tokens: 100 });
  });

  it("know how long each prefix is", () => {
    const [first, second] = prefixMarks(conversation("x".repeat(9_000), "y".repeat(1_000)), 2_500, OWNER, SALT);
    expect(first?.tokens).toBeGreaterThan(2_100);
    expect(first?.tokens).toBeLessThan(2_300);
    expect(second?.tokens).toBe(2_500);
  });

  it("tell nothing of what was said", () => {
    for (const key of keys(conversation("the secret", "hello"))) expect(key).toMatch(/^[\w-]{22}$/);
  });

  it("are few, however long the conversation: its first and its last", () => {
    const turns = Array.from({ length: 200 }, (_, turn) => `turn ${turn}`);
    const long = keys(conversation(...turns));
    expect(long).toHaveLength(16);
    expect(long.slice(0, 4)).toEqual(keys(conversation(...turns.slice(0, 4))));
    // The next turn adds two messages and still finds the last mark of this one.
    expect(keys(conversation(...turns, "answer", "question"))).toContain(long.at(-1));
  });

  it("end where more would have to be read than is worth it", () => {
    const huge = "x".repeat(1_100_000);
    expect(keys(conversation("be brief", huge, "after"))).toEqual(keys(conversation("be brief")));
  });

  it("are none for what makes no text", () => {
    const embedding = { ...conversation("a"), task: { type: "embedding" } } as ChatRequest;
    expect(prefixMarks(embedding, 100, OWNER, SALT)).toEqual([]);
  });
});
