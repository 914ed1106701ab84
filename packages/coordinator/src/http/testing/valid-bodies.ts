import fc from "fast-check";
import { EMBEDDING_MODEL, MODEL } from "../../testing.js";
import { CANARY, type ValidBodies } from "./hostile-bodies.js";
import { PARAMETER_TABLES, type Treatment } from "./parameter-table.js";

const text = fc.constantFrom(CANARY, `${CANARY} hello`, `${CANARY} 🌱`);
const model = fc.constantFrom(MODEL, MODEL, MODEL, `no-${CANARY}`);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: null });
const image = "data:image/png;base64,iVBORw0KGgo=";
const schema = {
  type: "object",
  properties: { a: { type: "string" }, b: { type: "integer" } },
  required: ["a", "b"],
  additionalProperties: false,
};

const sampling = {
  temperature: optional(fc.double({ min: 0, max: 1, noNaN: true })),
  top_p: optional(fc.double({ min: 0, max: 1, noNaN: true })),
  seed: optional(fc.integer()),
  stream: fc.boolean(),
};

function withSome(required: Record<string, fc.Arbitrary<unknown>>, others: Record<string, fc.Arbitrary<unknown>>): ValidBodies {
  return fc.record({ ...required, ...others }, { requiredKeys: Object.keys(required) });
}

const chat = withSome(
  {
    model,
    messages: fc.array(
      fc.oneof(
        fc.record({ role: fc.constantFrom("system", "user", "assistant"), content: text }),
        fc.record({ role: fc.constant("user"), content: fc.tuple(fc.record({ type: fc.constant("text"), text })) }),
        fc.constant({ role: "user", content: [{ type: "image_url", image_url: { url: image } }] }),
        fc.constant({
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c", type: "function", function: { name: "f", arguments: "{}" } }],
        }),
        fc.record({ role: fc.constant("tool"), tool_call_id: fc.constant("c"), content: text }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  },
  {
    ...sampling,
    n: fc.integer({ min: 1, max: 8 }),
    max_completion_tokens: fc.integer({ min: 1, max: 100 }),
    stop: fc.oneof(text, fc.array(text, { maxLength: 4 })),
    presence_penalty: fc.double({ min: -2, max: 2, noNaN: true }),
    logit_bias: fc.constant({ "50": 1 }),
    tools: fc.constant([{ type: "function", function: { name: "f", description: CANARY, parameters: schema, strict: true } }]),
    tool_choice: fc.constantFrom("auto", "none"),
    response_format: fc.constantFrom({ type: "json_object" }, { type: "json_schema", json_schema: { name: "s", schema, strict: true } }),
    reasoning_effort: fc.constantFrom("low", "high"),
    user: text,
    metadata: fc.constant({ a: CANARY }),
  },
);

const responses = withSome(
  {
    model,
    input: fc.oneof(
      text,
      fc.array(
        fc.oneof(
          fc.record({ role: fc.constantFrom("user", "system", "developer"), content: text }),
          fc.record({
            type: fc.constant("message"),
            role: fc.constant("user"),
            content: fc.constant([{ type: "input_text", text: CANARY }]),
          }),
          fc.constant({ type: "message", role: "user", content: [{ type: "input_image", image_url: image, detail: "auto" }] }),
          fc.constant({ type: "function_call", call_id: "c", name: "f", arguments: "{}" }),
          fc.constant({ type: "function_call_output", call_id: "c", output: CANARY }),
          fc.constant({ type: "reasoning", id: "r", summary: [] }),
        ),
        { minLength: 1, maxLength: 4 },
      ),
    ),
  },
  {
    ...sampling,
    instructions: text,
    max_output_tokens: fc.integer({ min: 1, max: 100 }),
    tools: fc.constant([{ type: "function", name: "f", parameters: schema, strict: true }]),
    text: fc.constant({ format: { type: "json_schema", name: "s", schema, strict: true } }),
    reasoning: fc.constant({ effort: "low" }),
    metadata: fc.constant({ a: CANARY }),
  },
);

const completions = withSome(
  { model, prompt: fc.oneof(text, fc.tuple(text)) },
  { ...sampling, echo: fc.boolean(), n: fc.integer({ min: 1, max: 8 }), max_tokens: fc.integer({ min: 1, max: 100 }), stop: text },
);

const messages = withSome(
  {
    model,
    max_tokens: fc.integer({ min: 1, max: 100 }),
    messages: fc.array(
      fc.oneof(
        fc.record({ role: fc.constantFrom("user", "assistant"), content: text }),
        fc.record({ role: fc.constant("user"), content: fc.constant([{ type: "text", text: CANARY }]) }),
        fc.constant({
          role: "user",
          content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } }],
        }),
        fc.constant({ role: "assistant", content: [{ type: "tool_use", id: "c", name: "f", input: { a: CANARY } }] }),
        fc.constant({ role: "user", content: [{ type: "tool_result", tool_use_id: "c", content: CANARY }] }),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  },
  {
    ...sampling,
    system: fc.oneof(text, fc.constant([{ type: "text", text: CANARY }])),
    stop_sequences: fc.array(text, { maxLength: 4 }),
    tools: fc.constant([{ name: "f", description: CANARY, input_schema: schema }]),
    tool_choice: fc.constantFrom({ type: "auto" }, { type: "none" }),
    thinking: fc.constant({ type: "disabled" }),
    metadata: fc.constant({ user_id: CANARY }),
  },
);

const countTokens = messages.map(({ max_tokens: _bound, stream: _stream, ...body }) => body);

const embeddings = withSome(
  {
    model: fc.constantFrom(EMBEDDING_MODEL, EMBEDDING_MODEL, EMBEDDING_MODEL, MODEL),
    input: fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 5 })),
  },
  { encoding_format: fc.constantFrom("float", "base64"), dimensions: fc.integer({ min: 1, max: 64 }), user: text },
);

/** Any bodies, every other one of which says a thing or two more of what the surface's documentation knows. */
function withDocumented(path: keyof typeof PARAMETER_TABLES, bodies: ValidBodies): ValidBodies {
  const { base, parameters } = PARAMETER_TABLES[path];
  const values = Object.entries<Treatment>(parameters).flatMap(([name, treatment]) => {
    if (name in base || "refused" in treatment) return [];
    return "accepted" in treatment ? [{ [name]: treatment.accepted[0] }] : [{ ...treatment.with, [name]: treatment.honoured }];
  });
  const more = fc.subarray(values, { minLength: 1, maxLength: 2 });
  return fc.oneof(
    bodies,
    fc.tuple(bodies, more).map(([body, added]) => ({ ...body, ...Object.assign({}, ...added) })),
  );
}

/** Valid bodies of every surface, by its path. */
export const VALID_BODIES = {
  "/v1/chat/completions": withDocumented("/v1/chat/completions", chat),
  "/v1/responses": withDocumented("/v1/responses", responses),
  "/v1/responses/input_tokens": withDocumented("/v1/responses/input_tokens", responses),
  "/v1/completions": withDocumented("/v1/completions", completions),
  "/v1/messages": withDocumented("/v1/messages", messages),
  "/v1/messages/count_tokens": withDocumented("/v1/messages/count_tokens", countTokens),
  "/v1/embeddings": withDocumented("/v1/embeddings", embeddings),
} as const satisfies Record<string, ValidBodies>;
