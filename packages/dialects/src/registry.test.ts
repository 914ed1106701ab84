import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "./canonical/api-error.js";
import type { ChatEvent } from "./canonical/chat-event.js";
import { signedAnswer } from "./canonical/extras.js";
import type { Dialect, RenderContext } from "./dialect.js";
import { dialects } from "./registry.js";
import { anyEvents as anyEventsOfAll, wholeAnswer as anyWholeAnswer, ofOneAnswer, someUsage } from "./testing/answers.js";
import { anthropicMessagesReading } from "./testing/anthropic-messages-reading.js";
import { openAiCompletionsReading } from "./testing/openai-completions-reading.js";
import { openAiResponsesReading } from "./testing/openai-responses-reading.js";
import { type DialectReading, openAiChatReading } from "./testing/readings.js";

interface Subject<Options> {
  readonly dialect: Dialect<Options>;
  readonly reading: DialectReading;
  /** Ways in which a caller can want its answer. */
  readonly options: fc.Arbitrary<Options>;
  /** Whether one request can have several answers. */
  readonly several: boolean;
}

/** Surfaces whose answers can be streamed; the others are held to laws of their own. */
type DialectName = Exclude<keyof typeof dialects, "openaiEmbeddings">;
type OptionsOf<Name extends DialectName> = ReturnType<(typeof dialects)[Name]["parse"]>["options"];

const choices = fc.integer({ min: 1, max: 3 });

/** A dialect that is registered without an entry here does not compile. */
const subjects: { readonly [Name in DialectName]: Subject<OptionsOf<Name>> } = {
  anthropicMessages: {
    dialect: dialects.anthropicMessages,
    reading: anthropicMessagesReading,
    options: fc.record({ excludeThinking: fc.boolean() }),
    several: false,
  },
  openaiChat: {
    dialect: dialects.openaiChat,
    reading: openAiChatReading,
    options: fc.record({ includeUsage: fc.boolean(), excludeReasoning: fc.boolean(), legacyFunctionCall: fc.boolean(), choices }),
    several: true,
  },
  openaiCompletions: {
    dialect: dialects.openaiCompletions,
    reading: openAiCompletionsReading,
    options: fc.record({ includeUsage: fc.boolean(), echo: fc.constantFrom("", "Once"), choices }),
    several: true,
  },
  openaiResponses: {
    dialect: dialects.openaiResponses,
    reading: openAiResponsesReading,
    options: fc
      .constantFrom({}, { reasoning: { exclude: true }, metadata: { a: "b" } }, { instructions: "Be brief." })
      .map((wishes) => dialects.openaiResponses.parse({ model: "sprout", input: "Hello", ...wishes }).options),
    several: false,
  },
};

const failure = new ApiError({ status: 504, code: "timeout", message: "request timed out" });
const ending = fc.constantFrom("end" as const, "error" as const);

describe.each(Object.keys(subjects) as DialectName[])("the dialect %s", <Name extends DialectName>(name: Name) => {
  const { dialect, reading, options, several }: Subject<OptionsOf<Name>> = subjects[name];
  const contexts = fc
    .tuple(options, fc.option(fc.constant("header.claims.signature"), { nil: undefined }))
    .map(([chosen, receipt]) => contextOf(chosen, receipt));

  const anyEvents = several ? anyEventsOfAll : anyEventsOfAll.map(ofOneAnswer);
  const wholeAnswer = several ? anyWholeAnswer : anyWholeAnswer.map(ofOneAnswer);

  it("says the same in a stream and in one piece", () => {
    fc.assert(
      fc.property(contexts, wholeAnswer, (context, events) => {
        const final = dialect.finalRenderer(context);
        for (const event of events) final.event(event);
        expect(reading.stream(streamOf(dialect, context, events)).answer).toEqual(reading.final(final.result()));
      }),
    );
  });

  it("terminates every stream exactly once and says nothing afterwards", () => {
    fc.assert(
      fc.property(contexts, anyEvents, ending, anyEvents, (context, before, how, after) => {
        const renderer = dialect.streamRenderer(context);
        const written = before.map((event) => renderer.event(event)).join("") + (how === "end" ? renderer.end() : renderer.error(failure));
        const late = [...after.map((event) => renderer.event(event)), renderer.end(), renderer.error(failure)];
        expect(late.join("")).toBe("");
        const { terminators, endsWithTerminator } = reading.stream(written);
        expect({ terminators, endsWithTerminator }).toEqual({ terminators: 1, endsWithTerminator: true });
      }),
    );
  });

  it("writes nothing that reads as an answer before the first content", () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const renderer = dialect.streamRenderer(context);
        expect(renderer.event({ type: "started", promptTokens: 3, cachedPromptTokens: 0 })).toBe("");
        expect(reading.stream(renderer.error(failure))).toMatchObject({ answer: undefined, error: "request timed out" });
      }),
    );
  });

  it("reports a failure after content in band, and then no usage and no reason of finishing", () => {
    fc.assert(
      fc.property(contexts, anyEvents, (context, events) => {
        const renderer = dialect.streamRenderer(context);
        const opening = renderer.event({ type: "text", text: "Once", tokens: 1 });
        const written = opening + events.map((event) => renderer.event(event)).join("") + renderer.error(failure);
        expect(reading.stream(written)).toMatchObject({ answer: undefined, error: "request timed out" });
        expect(reading.stream(written).text).toContain("Once");
      }),
    );
  });

  it("treats an answer that stops without finishing as the provider's failure", () => {
    fc.assert(
      fc.property(contexts, anyEvents, (context, events) => {
        const unfinished = events.filter(({ type }) => type !== "finish");
        expect(reading.stream(streamOf(dialect, context, unfinished)).error).toBe("provider ended without completion");
        const final = dialect.finalRenderer(context);
        for (const event of unfinished) final.event(event);
        expect(() => final.result()).toThrow(expect.objectContaining({ name: "ApiError", status: 502, code: "provider_error" }));
      }),
    );
  });

  it("asks for the receipt only at the end, when it exists", () => {
    fc.assert(
      fc.property(options, (chosen) => {
        let receipt: string | undefined;
        const renderer = dialect.streamRenderer({ ...contextOf(chosen, undefined), receipt: () => receipt });
        const begun =
          renderer.event({ type: "text", text: "Hi", tokens: 1 }) + renderer.event({ type: "finish", reason: "stop", usage: someUsage });
        receipt = "header.claims.signature";
        expect(reading.stream(begun + renderer.end()).answer).toMatchObject({ receipt });
      }),
    );
  });

  it("shows a consumer what to hold against the receipt, whole and streamed", () => {
    fc.assert(
      fc.property(options, anyEvents, (chosen, events) => {
        const context = contextOf(chosen, "header.claims.signature");
        const answer: ChatEvent[] = [
          ...events.filter(({ type }) => type !== "finish"),
          { type: "finish", reason: "stop", usage: someUsage },
        ];
        const expected = { requestId: "0b6e", receipt: "header.claims.signature", promptTokens: 9, completionTokens: 3 };
        const final = dialect.finalRenderer(context);
        for (const event of answer) final.event(event);
        expect(signedAnswer(final.result())).toEqual(expected);
        const found = dataOf(streamOf(dialect, context, answer)).map(signedAnswer);
        expect(found.filter((signed) => signed !== undefined)).toEqual([expected]);
        expect(
          dataOf(streamOf(dialect, contextOf(chosen, undefined), answer))
            .map(signedAnswer)
            .every((signed) => signed === undefined),
        ).toBe(true);
      }),
    );
  });
});

/** The JSON of every event. */
function dataOf(stream: string): unknown[] {
  // Lines of a stream end with a line feed alone; JSON may hold what a regular expression counts as an end of line as well.
  const lines = stream.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)) as unknown);
}

function streamOf<Options>(dialect: Dialect<Options>, context: RenderContext<Options>, events: readonly ChatEvent[]): string {
  const renderer = dialect.streamRenderer(context);
  return events.map((event) => renderer.event(event)).join("") + renderer.end();
}

function contextOf<Options>(options: Options, receipt: string | undefined): RenderContext<Options> {
  return { id: "0b6e", created_s: 1_700_000_000, model: "sprout", options, receipt: () => receipt };
}
