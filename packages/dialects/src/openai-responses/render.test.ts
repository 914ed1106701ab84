import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent, TokenLogprob } from "../canonical/chat-event.js";
import type { RenderContext } from "../dialect.js";
import { errorBody } from "../openai/wire.js";
import { wholeAnswer as anyWholeAnswer, ofOneAnswer, someUsage } from "../testing/answers.js";
import { type ResponseBody, responseBody, streamEvent } from "./answer-schema.js";
import { type OpenAiResponsesOptions, openaiResponses } from "./index.js";

const optionsOf = (fields: object) => openaiResponses.parse({ model: "m", input: "Hello", ...fields }).options;
const context = (fields: object = {}, receipt?: string): RenderContext<OpenAiResponsesOptions> => ({
  id: "7d9f-01",
  created_s: 1_700_000_000,
  model: 'my "sprout"',
  options: optionsOf(fields),
  receipt: () => receipt,
});

const started: ChatEvent = { type: "started", promptTokens: 9, cachedPromptTokens: 4 };
const text = (value: string, logprobs?: TokenLogprob[]): ChatEvent => ({
  type: "text",
  text: value,
  tokens: 1,
  ...(logprobs === undefined ? {} : { logprobs }),
});
const reasoning = (value: string): ChatEvent => ({ type: "reasoning", text: value, tokens: 1 });
const call = (index: number, fragment: string, opening: { id?: string; name?: string } = {}): ChatEvent => ({
  type: "tool_call",
  index,
  arguments: fragment,
  tokens: 1,
  ...opening,
});
const finish = (reason: "stop" | "length" | "tool_calls" | "cancelled" = "stop"): ChatEvent => ({
  type: "finish",
  reason,
  usage: someUsage,
});
const late = new ApiError({ status: 504, code: "timeout", message: "request timed out" });

/** The data of each event in order; every one is held to the published schema, to its own name and to its number. */
const eventsOf = (written: string) => {
  expect(written.endsWith("\n\n")).toBe(true);
  return written
    .slice(0, -2)
    .split("\n\n")
    .map((event, number) => {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(event) ?? [];
      const value: unknown = JSON.parse(String(data));
      const parsed = streamEvent.parse(value);
      expect(parsed).toEqual(value);
      expect({ name, number }).toEqual({ name: parsed.type, number: parsed.sequence_number });
      return parsed;
    });
};
const write = (events: readonly ChatEvent[], within = context(), failure?: ApiError) => {
  const renderer = openaiResponses.streamRenderer(within);
  const content = events.map((event) => renderer.event(event)).join("");
  return content + (failure === undefined ? renderer.end() : renderer.error(failure));
};
const stream = (...given: Parameters<typeof write>) => eventsOf(write(...given));
/** Events without their numbers, and without the snapshots, which have tests of their own. */
const steps = (...given: Parameters<typeof write>) =>
  stream(...given).map(({ sequence_number: _, ...event }) => ("response" in event ? event.type : event));
const final = (events: readonly ChatEvent[], within = context()): ResponseBody => {
  const renderer = openaiResponses.finalRenderer(within);
  for (const event of events) renderer.event(event);
  const result = renderer.result();
  const parsed = responseBody.parse(result);
  expect(parsed).toEqual(result);
  return parsed;
};
const outputOf = (...events: ChatEvent[]) => final([...events, finish()]).output;

const textPart = (value: string, logprobs: unknown[] = []) => ({ type: "output_text", text: value, annotations: [], logprobs });
const summaryPart = (value: string) => ({ type: "summary_text", text: value });
const message = (index: number, status: string, ...content: unknown[]) => ({
  ...{ type: "message", id: `msg_7d9f01_${index}`, status, role: "assistant", content },
});
const thinking = (index: number, status: string, ...summary: unknown[]) => ({
  ...{ type: "reasoning", id: `rs_7d9f01_${index}`, status, summary },
});
const calling = (index: number, status: string, call_id: string, args: string, name = "f") => ({
  ...{ type: "function_call", id: `fc_7d9f01_${index}`, status, call_id, name, arguments: args },
});
const added = (item: { id: string }) => ({ type: "response.output_item.added", output_index: Number(item.id.at(-1)), item });
const done = (item: { id: string }) => ({ type: "response.output_item.done", output_index: Number(item.id.at(-1)), item });
const of = (prefix: string, output_index: number) => ({ item_id: `${prefix}_7d9f01_${output_index}`, output_index });
const begun = ["response.created", "response.in_progress"];

describe("a stream", () => {
  it("is these bytes", () => {
    const response = (status: string, output: string, usage: string) =>
      '"response":{"id":"resp_7d9f01","object":"response","created_at":1700000000,' +
      `"status":"${status}","error":null,"incomplete_details":null,"model":"my \\"sprout\\"","output":[${output}],` +
      '"instructions":null,"max_output_tokens":null,"metadata":{},"parallel_tool_calls":true,"prompt_cache_key":null,' +
      '"reasoning":{"effort":null,"summary":null},"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],' +
      '"top_logprobs":0,"top_p":null,"background":false,"previous_response_id":null,"service_tier":"default","store":false,' +
      `"truncation":"disabled","usage":${usage}}`;
    const item = (status: string, content: string) =>
      `"item":{"type":"message","id":"msg_7d9f01_0","status":"${status}","role":"assistant","content":[${content}]}`;
    const place = '"item_id":"msg_7d9f01_0","output_index":0,"content_index":0';
    const part = (value: string) => `{"type":"output_text","text":"${value}","annotations":[],"logprobs":[]}`;
    const usage =
      '{"input_tokens":9,"input_tokens_details":{"cached_tokens":4,"cache_write_tokens":0},"output_tokens":3,' +
      '"output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}';
    const lines: [string, string][] = [
      ["response.created", response("in_progress", "", "null")],
      ["response.in_progress", response("in_progress", "", "null")],
      ["response.output_item.added", `"output_index":0,${item("in_progress", "")}`],
      ["response.content_part.added", `${place},"part":${part("")}`],
      ["response.output_text.delta", `${place},"delta":"Par","logprobs":[]`],
      ["response.output_text.delta", `${place},"delta":"is 🌱\\n","logprobs":[]`],
      ["response.output_text.done", `${place},"text":"Paris 🌱\\n","logprobs":[]`],
      ["response.content_part.done", `${place},"part":${part("Paris 🌱\\n")}`],
      ["response.output_item.done", `"output_index":0,${item("completed", part("Paris 🌱\\n"))}`],
      ["response.completed", response("completed", `${item("completed", part("Paris 🌱\\n")).slice('"item":'.length)}`, usage)],
    ];
    expect(write([started, text("Par"), text("is 🌱\n"), finish()])).toBe(
      lines.map(([name, fields], number) => `event: ${name}\ndata: {"type":"${name}",${fields},"sequence_number":${number}}\n\n`).join(""),
    );
  });

  it("shows reasoning as the one part of a summary, before the text", () => {
    expect(steps([reasoning("Fr"), reasoning("ance"), text("Paris"), finish()])).toEqual([
      ...begun,
      added(thinking(0, "in_progress")),
      { type: "response.reasoning_summary_part.added", ...of("rs", 0), summary_index: 0, part: summaryPart("") },
      { type: "response.reasoning_summary_text.delta", ...of("rs", 0), summary_index: 0, delta: "Fr" },
      { type: "response.reasoning_summary_text.delta", ...of("rs", 0), summary_index: 0, delta: "ance" },
      { type: "response.reasoning_summary_text.done", ...of("rs", 0), summary_index: 0, text: "France" },
      { type: "response.reasoning_summary_part.done", ...of("rs", 0), summary_index: 0, part: summaryPart("France") },
      done(thinking(0, "completed", summaryPart("France"))),
      added(message(1, "in_progress")),
      { type: "response.content_part.added", ...of("msg", 1), content_index: 0, part: textPart("") },
      { type: "response.output_text.delta", ...of("msg", 1), content_index: 0, delta: "Paris", logprobs: [] },
      { type: "response.output_text.done", ...of("msg", 1), content_index: 0, text: "Paris", logprobs: [] },
      { type: "response.content_part.done", ...of("msg", 1), content_index: 0, part: textPart("Paris") },
      done(message(1, "completed", textPart("Paris"))),
      "response.completed",
    ]);
  });

  it("lets calls grow side by side and closes them in the order in which they began", () => {
    const events = [
      call(0, '{"a"', { id: "c0", name: "f" }),
      call(1, "", { id: "c1", name: "g" }),
      call(0, ":1}"),
      call(1, "{}"),
      finish("tool_calls"),
    ];
    expect(steps(events)).toEqual([
      ...begun,
      added(calling(0, "in_progress", "c0", "")),
      { type: "response.function_call_arguments.delta", ...of("fc", 0), delta: '{"a"' },
      added(calling(1, "in_progress", "c1", "", "g")),
      { type: "response.function_call_arguments.delta", ...of("fc", 0), delta: ":1}" },
      { type: "response.function_call_arguments.delta", ...of("fc", 1), delta: "{}" },
      { type: "response.function_call_arguments.done", ...of("fc", 0), name: "f", arguments: '{"a":1}' },
      done(calling(0, "completed", "c0", '{"a":1}')),
      { type: "response.function_call_arguments.done", ...of("fc", 1), name: "g", arguments: "{}" },
      done(calling(1, "completed", "c1", "{}", "g")),
      "response.completed",
    ]);
  });

  it("carries log-probabilities with the text that they are of, and all of them where it ends", () => {
    const token = (value: string): TokenLogprob => ({
      token: value,
      logprob: -0.5,
      bytes: [65],
      top: [{ token: "Ro", logprob: -2, bytes: [82] }],
    });
    const wire = (value: string) => ({
      ...{ token: value, logprob: -0.5, bytes: [65], top_logprobs: [{ token: "Ro", logprob: -2, bytes: [82] }] },
    });
    const events = stream([text("Par", [token("Par")]), text("", [token("i")]), text("is", [token("s")]), finish()]);
    const found = events.flatMap((event) => ("logprobs" in event ? [event.logprobs] : []));
    expect(found).toEqual([[wire("Par")], [wire("i")], [wire("s")], [wire("Par"), wire("i"), wire("s")]]);
    expect(events.at(-2)).toMatchObject({ item: { content: [{ logprobs: [wire("Par"), wire("i"), wire("s")] }] } });
  });

  it("is incomplete where the bound on tokens ended it, and so is the item that was being written", () => {
    const events = stream([reasoning("France"), text("Par"), finish("length")]);
    expect(events.at(-2)).toMatchObject({ type: "response.output_item.done", item: { type: "message", status: "incomplete" } });
    expect(events.at(-1)).toMatchObject({
      type: "response.incomplete",
      response: {
        status: "incomplete",
        incomplete_details: { reason: "max_output_tokens" },
        output: [{ status: "completed" }, { status: "incomplete" }],
        usage: { total_tokens: 12 },
      },
    });
  });

  it("has an empty message where the model said nothing", () => {
    expect(stream([started, finish()]).map(({ type }) => type)).toEqual([
      ...begun,
      ...["response.output_item.added", "response.content_part.added", "response.output_text.done", "response.content_part.done"],
      ...["response.output_item.done", "response.completed"],
    ]);
    expect(outputOf()).toEqual([message(0, "completed", textPart(""))]);
  });

  it("fails after what came before is closed, in the shape that clients throw and with what there is of the answer", () => {
    const events = stream([text("Par")], context(), late);
    expect(events.slice(-5, -2)).toMatchObject([
      { type: "response.output_text.done", text: "Par" },
      { type: "response.content_part.done" },
      { type: "response.output_item.done", item: message(0, "incomplete", textPart("Par")) },
    ]);
    expect(events.slice(-2)).toEqual([
      {
        type: "response.failed",
        sequence_number: 8,
        response: expect.objectContaining({
          status: "failed",
          error: { code: "server_error", message: "request timed out" },
          output: [message(0, "incomplete", textPart("Par"))],
          usage: null,
        }),
      },
      {
        ...{ type: "error", sequence_number: 9, code: "timeout", message: "request timed out", param: null },
        error: { type: "timeout", code: "timeout", message: "request timed out", param: null },
      },
    ]);
  });

  it("fails before its first content as a response that was created and failed", () => {
    expect(stream([started], context(), late).map(({ type }) => type)).toEqual([...begun, "response.failed", "error"]);
  });

  it.each([
    [new ApiError({ status: 429, code: "rate_limit_exceeded", message: "slow down" }), "rate_limit_exceeded"],
    [new ApiError({ status: 400, code: "context_length_exceeded", message: "too long" }), "invalid_prompt"],
    [new ApiError({ status: 502, code: "provider_error", message: "gone" }), "server_error"],
  ])("says why it failed in one of OpenAI's words", (error, code) => {
    expect(stream([], context(), error).at(-2)).toMatchObject({ response: { error: { code, message: error.message } } });
  });

  it("treats a failure after the last word as one: nothing was finished", () => {
    expect(steps([text("Paris"), finish()], context(), late).slice(-2)[0]).toBe("response.failed");
  });

  it("is kept alive by comments, at any time before its end", () => {
    const renderer = openaiResponses.streamRenderer(context());
    expect(renderer.keepAlive()).toBe(": keepalive\n\n");
    expect(renderer.event(text("Hi"))).toContain('"type":"response.created"');
    expect(renderer.keepAlive()).toBe(": keepalive\n\n");
    expect(renderer.error(late)).toContain('"sequence_number":6');
    expect(renderer.keepAlive()).toBe("");
  });
});

describe("the items of an answer", () => {
  it("begin anew when the model goes back to what it did before", () => {
    expect(outputOf(reasoning("a"), text("b"), reasoning("c"), text("d"))).toEqual([
      thinking(0, "completed", summaryPart("a")),
      message(1, "completed", textPart("b")),
      thinking(2, "completed", summaryPart("c")),
      message(3, "completed", textPart("d")),
    ]);
  });

  it("stand in the order in which they began, whatever the numbers of the calls", () => {
    expect(outputOf(text("a"), call(3, "{}", { id: "c3", name: "f" }), call(1, "{}", { id: "c1", name: "f" }))).toEqual([
      message(0, "completed", textPart("a")),
      calling(1, "completed", "c3", "{}"),
      calling(2, "completed", "c1", "{}"),
    ]);
  });

  it("take nothing more into a call that text has closed", () => {
    expect(outputOf(call(0, "{}", { id: "c0", name: "f" }), text("b"), call(0, "!"), text("c"))).toEqual([
      calling(0, "completed", "c0", "{}"),
      message(1, "completed", textPart("bc")),
    ]);
  });

  it("name a call whose provider did not", () => {
    expect(outputOf(call(2, "{}", { name: "f" }))).toEqual([calling(0, "completed", "call_7d9f01_2", "{}")]);
  });

  it("show no reasoning to who does not want it", () => {
    const within = context({ reasoning: { exclude: true } });
    const events = [reasoning("a"), text("b"), reasoning("c"), text("d"), finish()];
    expect(final(events, within).output).toEqual([message(0, "completed", textPart("bd"))]);
    expect(write(events, within)).not.toContain("reasoning_summary");
  });

  it("belong to the one answer that was asked for", () => {
    expect(outputOf(text("a"), { type: "text", text: "b", tokens: 1, choice: 1 })).toEqual([message(0, "completed", textPart("a"))]);
  });
});

describe("a whole answer", () => {
  it.each([
    ["stop", "completed", null],
    ["tool_calls", "completed", null],
    ["cancelled", "completed", null],
    ["length", "incomplete", { reason: "max_output_tokens" }],
  ] as const)("that ended by %s is %s", (reason, status, incomplete_details) => {
    expect(final([text("a"), finish(reason)])).toMatchObject({ status, incomplete_details, error: null });
  });

  it("says again what was asked for, and that nothing is kept", () => {
    const asked = {
      ...{
        instructions: "Be brief.",
        max_output_tokens: 5,
        metadata: { a: "b" },
        parallel_tool_calls: false,
        temperature: 0.5,
        top_p: 0.9,
      },
      ...{
        tool_choice: "required",
        tools: [{ type: "function", name: "f", description: "d", parameters: { type: "object" }, strict: true }],
      },
    };
    const wishes = { ...asked, store: true, truncation: "auto", service_tier: "priority" };
    const effective = { ...asked, store: false, truncation: "disabled", service_tier: "default", background: false };
    expect(final([text("a"), finish()], context(wishes))).toMatchObject({ ...effective, previous_response_id: null });
  });

  it("is the response that its stream ends with, receipt and all", () => {
    fc.assert(
      fc.property(anyWholeAnswer.map(ofOneAnswer), fc.option(fc.constant("a.b.c"), { nil: undefined }), (events, receipt) => {
        const last = stream(events, context({}, receipt)).at(-1);
        const whole = final(events, context({}, receipt));
        expect(last).toEqual({ type: `response.${whole.status}`, sequence_number: expect.any(Number), response: whole });
        expect(whole.extras?.receipt).toBe(receipt);
      }),
    );
  });
});

describe("an error before the answer", () => {
  it("has OpenAI's shape", () => {
    const error = new ApiError({ status: 400, code: "unsupported_parameter", message: "prompt is not supported", param: "prompt" });
    const rendered = openaiResponses.renderError(error, "req-1");
    expect(errorBody.parse(rendered)).toEqual(rendered);
    expect(rendered).toEqual({
      error: {
        ...{ message: "prompt is not supported", type: "unsupported_parameter", code: "unsupported_parameter", param: "prompt" },
        request_id: "req-1",
      },
    });
  });
});
