import { chatRequest } from "@umbel/dialects";
import { afterAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { answerGrammar } from "./answer-grammar.js";
import { createGrammarMatcher } from "./testing/grammar-matcher.js";

const matcher = await createGrammarMatcher();
afterAll(() => matcher.dispose());

function grammarOf(body: Partial<z.input<typeof chatRequest>>, opensReasoning = false): string | undefined {
  return answerGrammar(chatRequest.parse({ model: "m", messages: [], ...body }), opensReasoning);
}

const accepts = (grammar: string | undefined, text: string) => matcher.accepts(grammar ?? "", text);
const call = (name: string, args = "{}") => `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;
const tools = [{ name: "f", parameters: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] } }, { name: "g" }];

describe("the grammar of an answer", () => {
  it("is none when nothing is demanded", () => {
    expect(grammarOf({})).toBeUndefined();
    expect(grammarOf({ tools })).toBeUndefined();
    expect(grammarOf({ tools, toolChoice: { type: "none" } })).toBeUndefined();
  });

  it("demands calls of known tools with their arguments, one or several", () => {
    const required = grammarOf({ tools, toolChoice: { type: "required" } });
    expect(accepts(required, call("f", '{"n": 3}'))).toBe(true);
    expect(accepts(required, `${call("g", '{"x": [1]}')}\n${call("f", '{"n": 3}')}`)).toBe(true);
    for (const wrong of ["hello", call("h"), call("f"), call("f", '{"n": "3"}'), `ok ${call("g")}`])
      expect(accepts(required, wrong)).toBe(false);
    const one = grammarOf({ tools, toolChoice: { type: "required" }, parallelToolCalls: false });
    expect(accepts(one, `${call("g")}\n${call("g")}`)).toBe(false);
    const named = grammarOf({ tools, toolChoice: { type: "named", name: "g" } });
    expect([accepts(named, call("g")), accepts(named, call("f", '{"n": 3}'))]).toEqual([true, false]);
  });

  it("lets any text stand, and holds a call in it to the schema of a strict tool", () => {
    const strict = tools.map((tool) => (tool.name === "f" ? { ...tool, strict: true } : tool));
    const grammar = grammarOf({ tools: strict });
    const good = call("f", '{"n": 3}');
    for (const text of [
      "",
      "Hello, <b>you</b> <tool> <<tool_cal <too",
      "<think>Hm.</think>Fine.",
      "<<<",
      `${good}\n${good}`,
      `So: ${good}`,
      `<tool_${good}`,
    ]) {
      expect(accepts(grammar, text), text).toBe(true);
    }
    for (const text of [call("f", '{"n": "3"}'), call("f", "{}"), call("h"), `${good} and more`, "<tool_call>", `<${call("f")}`]) {
      expect(accepts(grammar, text), text).toBe(false);
    }
    expect(accepts(grammarOf({ tools: strict, parallelToolCalls: false }), `${good}\n${good}`)).toBe(false);
    expect(grammarOf({ tools })).toBeUndefined();
    expect(grammarOf({ tools: strict, toolChoice: { type: "none" } })).toBeUndefined();
  });

  it("takes any arguments where a schema cannot be enforced", () => {
    const loose = [{ name: "f", parameters: { type: "object", properties: { a: { type: "string", pattern: "x" } } } }];
    expect(accepts(grammarOf({ tools: loose, toolChoice: { type: "required" } }), call("f", '{"b": 1}'))).toBe(true);
  });

  it("takes any JSON of the schema's kind where it cannot be enforced and need not be", () => {
    const asked = (schema: Record<string, unknown>) =>
      grammarOf({ responseFormat: { type: "json_schema", name: "n", schema, strict: false } });
    const object = asked({ type: "object", properties: { a: { type: "string", pattern: "x" } } });
    expect([accepts(object, '{"b": 1}'), accepts(object, "[1]"), accepts(object, "text")]).toEqual([true, false, false]);
    expect(accepts(asked({ type: "array", uniqueItems: true }), "[1]")).toBe(true);
  });

  it("lets JSON and calls stand side by side when both are allowed", () => {
    const grammar = grammarOf({ tools, responseFormat: { type: "json_object" } });
    expect([accepts(grammar, '{"a": 1}'), accepts(grammar, call("g")), accepts(grammar, "text")]).toEqual([true, true, false]);
  });

  it("lets reasoning that the prompt has opened come first", () => {
    const grammar = grammarOf({ responseFormat: { type: "json_object" } }, true);
    expect(accepts(grammar, 'Is 1 < 2? Yes.\n</think>\n\n{"yes": true}')).toBe(true);
    expect(accepts(grammar, '{"yes": true}')).toBe(false);
  });

  it.each(["<</think>", "</</think>", "<<</think>"])("is not left by reasoning that ends in %s", (end) => {
    const grammar = grammarOf({ responseFormat: { type: "json_object" } }, true);
    expect(accepts(grammar, `hm ${end}anything at all</think>{"yes": true}`)).toBe(false);
    expect(accepts(grammar, 'a </b> << 2</think>{"yes": true}')).toBe(true);
  });
});
