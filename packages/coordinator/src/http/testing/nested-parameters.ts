/**
 * What becomes of what official clients can say within a parameter. `without` is the parameter as it would be otherwise; the rest is as in
 * the tables of whole parameters.
 */
export type NestedTreatment = { readonly without: unknown; readonly with?: Readonly<Record<string, unknown>> } & (
  | { readonly honoured: unknown }
  | { readonly accepted: readonly unknown[]; readonly why: string }
  | { readonly refused: unknown }
);

type NestedTable = Readonly<Record<string, NestedTreatment>>;

const IMAGES_AS_THEY_ARE = "images are taken as they are";
const NOTHING_KEPT = "nothing is kept that it could refer to";
const CACHE_IS_OURS = "prefixes are cached as long as memory allows";

const image = "data:image/png;base64,iVBORw0KGgo=";
const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };

const user = (more: object = {}) => [{ role: "user", content: "hello", ...more }];
const userParts = (part?: object) => [{ role: "user", content: [{ type: "text", text: "hello" }, ...(part === undefined ? [] : [part])] }];
const assistant = (more: object = {}) => [{ role: "assistant", content: "hi", ...more }, ...user()];
const answered = (id: string) => [
  { role: "assistant", content: null, tool_calls: [{ id: "a", type: "function", function: { name: "f", arguments: "{}" } }] },
  { role: "tool", tool_call_id: id, content: "x" },
];

const chatFunction = (name: string, more: object = {}) => ({ type: "function", function: { name, ...more } });
const chatTools = { tools: [chatFunction("f"), chatFunction("g")] };
const jsonSchema = (more: object = {}) => ({ type: "json_schema", json_schema: { name: "n", schema, ...more } });

const chat: NestedTable = {
  "messages[].name": { without: user(), honoured: user({ name: "ada" }) },
  "messages[].content[].image_url": { without: userParts(), honoured: userParts({ type: "image_url", image_url: { url: image } }) },
  "messages[].content[].image_url.detail": {
    without: userParts({ type: "image_url", image_url: { url: image } }),
    accepted: ["auto", "low", "high"].map((detail) => userParts({ type: "image_url", image_url: { url: image, detail } })),
    why: IMAGES_AS_THEY_ARE,
  },
  "messages[].content[].input_audio": {
    without: userParts(),
    refused: userParts({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }),
  },
  "messages[].content[].file": { without: userParts(), refused: userParts({ type: "file", file: { file_id: "f" } }) },
  "messages[].refusal": { without: assistant({ content: null }), honoured: assistant({ content: null, refusal: "no" }) },
  "messages[].reasoning_content": { without: assistant(), honoured: assistant({ reasoning_content: "hm" }) },
  "messages[].audio": { without: assistant(), accepted: [assistant({ audio: { id: "a" } })], why: "no answer has audio" },
  "messages[].tool_calls": {
    without: assistant(),
    honoured: assistant({ tool_calls: [{ id: "c", ...chatFunction("f", { arguments: "{}" }) }] }),
  },
  "messages[].tool_call_id": { without: answered("a"), honoured: answered("b") },
  "stream_options.include_usage": { without: {}, honoured: { include_usage: true }, with: { stream: true } },
  "stream_options.include_obfuscation": {
    without: {},
    accepted: [{ include_obfuscation: true }, { include_obfuscation: false }],
    why: "streams are not obfuscated",
    with: { stream: true },
  },
  "tools[].function.description": { without: [chatFunction("f")], honoured: [chatFunction("f", { description: "d" })] },
  "tools[].function.parameters": { without: [chatFunction("f")], honoured: [chatFunction("f", { parameters: schema })] },
  "tools[].function.strict": {
    without: [chatFunction("f", { parameters: schema })],
    honoured: [chatFunction("f", { parameters: schema, strict: true })],
  },
  "tools[].custom": { without: [], refused: [{ type: "custom", custom: { name: "f" } }] },
  "tool_choice.function": { without: "auto", honoured: chatFunction("f"), with: chatTools },
  "tool_choice.allowed_tools": {
    without: "auto",
    honoured: { type: "allowed_tools", allowed_tools: { mode: "auto", tools: [chatFunction("g")] } },
    with: chatTools,
  },
  "tool_choice.custom": { without: "auto", refused: { type: "custom", custom: { name: "f" } }, with: chatTools },
  "response_format.json_schema.schema": { without: jsonSchema({ schema: {} }), honoured: jsonSchema() },
  "response_format.json_schema.strict": { without: jsonSchema(), honoured: jsonSchema({ strict: true }) },
  "response_format.json_schema.description": {
    without: jsonSchema(),
    accepted: [jsonSchema({ description: "d" })],
    why: "the grammar is made from the schema alone",
  },
  "reasoning.effort": { without: {}, honoured: { effort: "low" } },
  "reasoning.exclude": { without: {}, honoured: { exclude: true } },
};

const said = (part: object) => [{ role: "user", content: [{ type: "input_text", text: "hello" }, part] }];
const shown = (more: object = {}) => ({ type: "input_image", image_url: image, ...more });
const item = (more: object = {}) => [{ type: "message", role: "user", content: "hello", ...more }];
const responseTool = (more: object = {}) => [{ type: "function", name: "f", ...more }];
const responseTools = { tools: [...responseTool(), ...responseTool({ name: "g" })] };

const responses: NestedTable = {
  "input[].content[].image_url": { without: item(), honoured: said(shown()) },
  "input[].content[].detail": { without: said(shown()), accepted: [said(shown({ detail: "high" }))], why: IMAGES_AS_THEY_ARE },
  "input[].content[].file_id": { without: item(), refused: said({ type: "input_image", file_id: "f", detail: "auto" }) },
  "input[].content[].file_data": { without: item(), refused: said({ type: "input_file", file_data: "AAAA" }) },
  "input[].id": { without: item(), accepted: [item({ id: "msg_1" })], why: NOTHING_KEPT },
  "input[].status": { without: item(), accepted: [item({ status: "completed" })], why: NOTHING_KEPT },
  "input[].item_reference": { without: item(), refused: [...item(), { type: "item_reference", id: "msg_1" }] },
  "input[].function_call": { without: item(), honoured: [...item(), { type: "function_call", call_id: "c", name: "f", arguments: "{}" }] },
  "input[].encrypted_content": {
    without: [{ type: "reasoning", id: "rs_1", summary: [] }, ...item()],
    accepted: [[{ type: "reasoning", id: "rs_1", summary: [], encrypted_content: "AAAA" }, ...item()]],
    why: "it is another service's",
  },
  "tools[].description": { without: responseTool(), honoured: responseTool({ description: "d" }) },
  "tools[].parameters": { without: responseTool(), honoured: responseTool({ parameters: schema }) },
  "tools[].strict": { without: responseTool({ parameters: schema }), honoured: responseTool({ parameters: schema, strict: true }) },
  "tools[].defer_loading": { without: responseTool(), refused: responseTool({ defer_loading: true }) },
  "tools[].output_schema": { without: responseTool(), accepted: [responseTool({ output_schema: schema })], why: "no tool is run here" },
  "tools[].web_search": { without: responseTool(), refused: [{ type: "web_search" }] },
  "tool_choice.name": { without: "auto", honoured: { type: "function", name: "f" }, with: responseTools },
  "tool_choice.allowed_tools": {
    without: "auto",
    honoured: { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "g" }] },
    with: responseTools,
  },
  "tool_choice.web_search": { without: "auto", refused: { type: "web_search_preview" }, with: responseTools },
  "text.format": { without: {}, honoured: { format: { type: "json_schema", name: "n", schema } } },
  "text.format.strict": {
    without: { format: { type: "json_schema", name: "n", schema } },
    honoured: { format: { type: "json_schema", name: "n", schema, strict: true } },
  },
  "text.verbosity": { without: {}, accepted: [{ verbosity: "low" }], why: "open models know no such setting" },
  "include.message.output_text.logprobs": { without: [], honoured: ["message.output_text.logprobs"] },
  "reasoning.effort": { without: {}, honoured: { effort: "low" } },
  "reasoning.summary": { without: {}, honoured: { summary: "auto" } },
  "reasoning.exclude": { without: {}, honoured: { exclude: true } },
  "reasoning.context": { without: {}, refused: { context: "all_turns" } },
};

const blocks = (...more: object[]) => [{ role: "user", content: [{ type: "text", text: "hello" }, ...more] }];
const picture = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
const document = (source: object, more: object = {}) => ({ type: "document", source, ...more });
const plainText = { type: "text", media_type: "text/plain", data: "x" };
const thought = (more: object = {}) => [
  {
    role: "assistant",
    content: [
      { type: "thinking", thinking: "hm", ...more },
      { type: "text", text: "hi" },
    ],
  },
  ...user(),
];
const result = (more: object = {}) => [
  { role: "assistant", content: [{ type: "tool_use", id: "c", name: "f", input: {} }] },
  { role: "user", content: [{ type: "tool_result", tool_use_id: "c", content: "x", ...more }] },
];
const messageTool = (more: object = {}) => [{ name: "f", input_schema: schema, ...more }];
const ephemeral = { cache_control: { type: "ephemeral" } };

const messages: NestedTable = {
  "messages[].content[].image": { without: blocks(), honoured: blocks(picture) },
  "messages[].content[].image.source.url": {
    without: blocks(),
    refused: blocks({ type: "image", source: { type: "url", url: "https://example.com/a.png" } }),
  },
  "messages[].content[].document": { without: blocks(), honoured: blocks(document(plainText)) },
  "messages[].content[].document.title": {
    without: blocks(document(plainText)),
    honoured: blocks(document(plainText, { title: "t" })),
  },
  "messages[].content[].document.source.base64": {
    without: blocks(),
    refused: blocks(document({ type: "base64", media_type: "application/pdf", data: "AAAA" })),
  },
  "messages[].content[].citations": {
    without: blocks(document(plainText)),
    refused: blocks(document(plainText, { citations: { enabled: true } })),
  },
  "messages[].content[].cache_control": {
    without: user(),
    accepted: [[{ role: "user", content: [{ type: "text", text: "hello", ...ephemeral }] }]],
    why: CACHE_IS_OURS,
  },
  "messages[].content[].thinking": { without: assistant(), honoured: thought() },
  "messages[].content[].signature": { without: thought(), accepted: [thought({ signature: "AAAA" })], why: "there is nothing to prove" },
  "messages[].content[].tool_result.is_error": { without: result(), honoured: result({ is_error: true }) },
  "system[].cache_control": {
    without: "be brief",
    accepted: [[{ type: "text", text: "be brief", ...ephemeral }]],
    why: CACHE_IS_OURS,
  },
  "tools[].description": { without: messageTool(), honoured: messageTool({ description: "d" }) },
  "tools[].strict": { without: messageTool(), honoured: messageTool({ strict: true }) },
  "tools[].input_examples": { without: messageTool(), honoured: messageTool({ input_examples: [{ a: "b" }] }) },
  "tools[].cache_control": { without: messageTool(), accepted: [messageTool(ephemeral)], why: CACHE_IS_OURS },
  "tools[].eager_input_streaming": {
    without: messageTool(),
    accepted: [messageTool({ eager_input_streaming: true })],
    why: "input is always streamed as it is generated",
  },
  "tools[].defer_loading": { without: messageTool(), refused: messageTool({ defer_loading: true }) },
  "tools[].bash": { without: messageTool(), refused: [{ type: "bash_20250124", name: "bash" }] },
  "tool_choice.name": { without: { type: "auto" }, honoured: { type: "tool", name: "f" }, with: { tools: messageTool() } },
  "tool_choice.disable_parallel_tool_use": {
    without: { type: "auto" },
    honoured: { type: "auto", disable_parallel_tool_use: true },
    with: { tools: messageTool() },
  },
  "thinking.budget_tokens": {
    without: { type: "enabled", budget_tokens: 1_024 },
    honoured: { type: "enabled", budget_tokens: 2_048 },
  },
  "thinking.display": { without: { type: "adaptive" }, honoured: { type: "adaptive", display: "omitted" } },
  "output_config.effort": { without: {}, honoured: { effort: "low" } },
  "output_config.format": { without: {}, honoured: { format: { type: "json_schema", schema } } },
  "output_config.task_budget": { without: {}, refused: { task_budget: { type: "tokens", total: 100 } } },
  "metadata.user_id": { without: {}, honoured: { user_id: "u" } },
};

export const NESTED_PARAMETERS: Readonly<Record<string, NestedTable>> = {
  "/v1/chat/completions": chat,
  "/v1/responses": responses,
  "/v1/completions": {
    "stream_options.include_usage": { without: {}, honoured: { include_usage: true }, with: { stream: true } },
  },
  "/v1/messages": messages,
};
