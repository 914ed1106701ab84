import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswerParser } from "./answer-parser.js";
import type { Segment } from "./segment.js";

interface Options {
  readonly opensReasoning?: boolean;
  readonly tools?: "parse" | "ignore";
  readonly stop?: readonly string[];
}

function parse(pieces: readonly string[], { opensReasoning = false, tools = "parse", stop = [] }: Options = {}) {
  let ids = 0;
  const parser = createAnswerParser({ kind: "answer", reasoning: "think", opensReasoning, tools, stop, newCallId: () => `call_${ids++}` });
  const segments: Segment[] = [];
  for (const piece of pieces) {
    if (!parser.stopped) segments.push(...parser.push(piece));
  }
  segments.push(...parser.end());
  return { segments: joined(segments), stopped: parser.stopped, toolCalls: parser.toolCalls };
}

/** Adjacent segments of one kind put together, as a consumer would. */
function joined(segments: readonly Segment[]): Segment[] {
  const out: Segment[] = [];
  for (const segment of segments) {
    const last = out.at(-1);
    if (last?.type === "tool_call" && segment.type === "tool_call" && last.index === segment.index) {
      out[out.length - 1] = { ...last, arguments: last.arguments + segment.arguments };
    } else if (last !== undefined && last.type !== "tool_call" && segment.type !== "tool_call" && last.type === segment.type) {
      out[out.length - 1] = { ...last, text: last.text + segment.text };
    } else out.push(segment);
  }
  return out;
}

const text = (content: string): Segment => ({ type: "text", text: content });
const reasoning = (content: string): Segment => ({ type: "reasoning", text: content });
const call = (index: number, name: string, args: string): Segment => ({
  type: "tool_call",
  index,
  id: `call_${index}`,
  name,
  arguments: args,
});
const calling = (name: string, args: string) => `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

describe("reasoning", () => {
  it("is what stands in a leading block; the tags and the white space beside them vanish", () => {
    expect(parse(["<think>\nTwo and two.\n</think>\n\nFour."]).segments).toEqual([reasoning("Two and two."), text("Four.")]);
    expect(parse(["\n<think></think>Four."]).segments).toEqual([text("Four.")]);
  });

  it("goes on from a prompt that has opened the block", () => {
    expect(parse(["Two and two.</think>Four."], { opensReasoning: true }).segments).toEqual([reasoning("Two and two."), text("Four.")]);
  });

  it("is everything when the block is never closed", () => {
    expect(parse(["<think>Two and </thin"]).segments).toEqual([reasoning("Two and </thin")]);
  });

  it("is text like any other where the catalogue says so", () => {
    const options = {
      kind: "answer",
      reasoning: "none",
      opensReasoning: false,
      tools: "parse",
      stop: [],
      newCallId: () => "call_0",
    } as const;
    const parser = createAnswerParser(options);
    expect([...parser.push("<think>no</think> yes"), ...parser.end()].map((segment) => segment.type)).not.toContain("reasoning");
  });

  it("does not begin later in the text", () => {
    expect(parse(["Use <think>tags</think>."]).segments).toEqual([text("Use <think>tags</think>.")]);
    expect(parse(["<thinking>"]).segments).toEqual([text("<thinking>")]);
  });
});

describe("tool calls", () => {
  it("come out with the arguments in the model's own spelling, numbered", () => {
    const answer = `Let me see.\n${calling("weather", '{"city":  "Paris"}')}\n${calling("time", "{}")}`;
    expect(parse([answer]).segments).toEqual([text("Let me see."), call(0, "weather", '{"city":  "Paris"}'), call(1, "time", "{}")]);
    expect(parse([answer]).toolCalls).toBe(2);
  });

  it("may hold the tags and braces in their strings", () => {
    const args = '{"text": "</tool_call> } \\" { <tool_call>"}';
    expect(parse([calling("say", args)]).segments).toEqual([call(0, "say", args)]);
  });

  it("may have their members in another order, no arguments, or arguments in a string", () => {
    expect(parse(['<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>']).segments).toEqual([call(0, "f", '{"a":1}')]);
    expect(parse(['<tool_call>{"name": "f"}</tool_call>']).segments).toEqual([call(0, "f", "{}")]);
    expect(parse([calling("f", '"{\\"a\\": 1}"')]).segments).toEqual([call(0, "f", '{"a": 1}')]);
  });

  it("come out as text, unchanged, when they do not begin as calls", () => {
    for (const broken of [
      "<tool_call>hello</tool_call>",
      "<tool_call>\n[1]\n</tool_call>",
      '<tool_call>\n{"name": 5, "arguments": {}}\n</tool_call>',
      '<tool_call>\n{"name": "f", "arguments": "a"}\n</tool_call>',
      '<tool_call>\n{"name": "f", "argum',
      "see <tool_call",
      "a \n <tool_call>\n b",
    ]) {
      expect(parse([broken]).segments).toEqual([text(broken)]);
      expect(parse([...broken]).segments).toEqual([text(broken)]);
    }
  });

  it("are found behind one that does not parse", () => {
    const answer = `<tool_call>oops ${calling("f", "{}")}`;
    expect(parse([answer]).segments).toEqual([text("<tool_call>oops"), call(0, "f", "{}")]);
  });

  it("survive any number of tags in a row", () => {
    const tags = "<tool_call>".repeat(20_000);
    expect(parse([tags]).segments).toEqual([text(tags)]);
  });

  it("are text when the request has no tools", () => {
    expect(parse([calling("f", "{}")], { tools: "ignore" }).segments).toEqual([text(calling("f", "{}"))]);
  });

  it("are passed on while they are written, once their name is known", () => {
    const args = '{"code": "xyz", "n": {"a": [1, 2]}}';
    const parser = createAnswerParser({
      kind: "answer",
      reasoning: "think",
      opensReasoning: false,
      tools: "parse",
      stop: [],
      newCallId: () => "call_0",
    });
    const pieces = [...calling("write", args)].map((character) => parser.push(character)).filter((segments) => segments.length > 0);
    expect(pieces).toHaveLength(args.length);
    expect(pieces[0]).toEqual([{ type: "tool_call", index: 0, id: "call_0", name: "write", arguments: "{" }]);
    expect(joined([...pieces.flat(), ...parser.end()])).toEqual([call(0, "write", args)]);
  });

  it("stay calls as far as they go when their arguments break off", () => {
    expect(parse([calling("f", '{"a": }')]).segments).toEqual([call(0, "f", '{"a": }')]);
    expect(joined(parse(['<tool_call>{"name": "f", "arguments": {"a": 1']).segments)).toEqual([call(0, "f", '{"a": 1')]);
    const unclosed = parse(['<tool_call>{"name": "f", "arguments": {"a": 1}\n</tool_call> and more']).segments;
    expect(unclosed[0]).toEqual(call(0, "f", '{"a": 1}'));
  });
});

describe("stop strings", () => {
  it("end the visible text before themselves, also when split", () => {
    expect(parse(["One. Tw", "o. EN", "D and more"], { stop: ["END", "STOP"] })).toMatchObject({
      segments: [text("One. Two. ")],
      stopped: true,
    });
  });

  it("let the one that is complete first win", () => {
    expect(parse(["xabcd"], { stop: ["abcd", "bc"] }).segments).toEqual([text("xa")]);
    expect(parse(["xabcd"], { stop: ["bc", "abc"] }).segments).toEqual([text("x")]);
  });

  it("hold back only what could become one", () => {
    const parser = createAnswerParser({
      kind: "answer",
      reasoning: "think",
      opensReasoning: false,
      tools: "ignore",
      stop: ["\n\n", "###"],
      newCallId: () => "",
    });
    expect(parser.push("a#")).toEqual([text("a")]);
    expect(parser.push("b\n")).toEqual([text("#b")]);
    expect(parser.push("c")).toEqual([text("\nc")]);
    expect(parser.push("##")).toEqual([]);
    expect(parser.end()).toEqual([text("##")]);
  });

  it("are not looked for in reasoning or tool calls", () => {
    const answer = `<think>STOP here</think>Ok ${calling("f", '{"a": "STOP"}')} ST`;
    expect(parse([answer], { stop: ["STOP"] }).segments).toEqual([
      reasoning("STOP here"),
      text("Ok"),
      call(0, "f", '{"a": "STOP"}'),
      text(" ST"),
    ]);
  });
});

describe("any way of cutting an answer into pieces", () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      "<think>",
      "</think>",
      "<tool_call>",
      "</tool_call>",
      '{"name": "f", "arguments": {"a": "}"}}',
      '{"name": "f", "arguments": {',
      calling("g", '{"b": [1, {"c": null}]}'),
      "STOP",
      "ST",
      "\n",
      "  ",
      "<",
      "{",
      "}",
      '"',
      "\\",
    ),
    fc.string({ maxLength: 6 }),
    fc.constant(calling("long", `{"x": "${"y".repeat(4096)}"}`)),
  );

  it("gives the same parts", () => {
    fc.assert(
      fc.property(
        fc.array(fragment, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.record({
          opensReasoning: fc.boolean(),
          tools: fc.constantFrom("parse", "ignore"),
          stop: fc.subarray(["STOP", "TO", "\n\n", "}"]),
        }),
        (fragments, cuts, options) => {
          const answer = fragments.join("");
          const at = [...new Set(cuts.map((cut) => cut % (answer.length + 1)))].sort((a, b) => a - b);
          const pieces = [...at, answer.length].map((end, i) => answer.slice(i === 0 ? 0 : at[i - 1], end));
          const whole = parse([answer], options as Options);
          expect(parse(pieces, options as Options)).toEqual(whole);
          if (answer.length < 500) expect(parse([...answer], options as Options)).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("loses no character of a plain text", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 5 }), { maxLength: 8 }), (pieces) => {
        const answer = `a${pieces.join("")}`;
        const { segments } = parse(["a", ...pieces]);
        expect(segments.map((segment) => (segment.type === "text" ? segment.text : "")).join("")).toBe(answer);
      }),
    );
  });
});
