/**
 * What becomes of every parameter that a surface's official client knows, and of ours beside them.
 *
 * - `honoured`: it changes what the model is asked, how the answer is rendered, or where the request goes.
 * - `accepted`: api.md documents that it has no effect.
 * - `refused`: a 400 that names it.
 */
export type Treatment =
  | { readonly honoured: unknown; readonly with?: Readonly<Record<string, unknown>> }
  | { readonly accepted: readonly unknown[]; readonly why: string }
  | { readonly refused: unknown };

export interface SurfaceTable {
  /** Where the official client declares the parameters. */
  readonly declared: { readonly file: string; readonly type: string };
  readonly base: Readonly<Record<string, unknown>>;
  readonly parameters: Readonly<Record<string, Treatment>>;
}

const STORE_NOTHING = "nothing is kept, so there is nothing to say of it";
const ONE_TIER = "there is one tier";
const NO_REVIEW = "nobody reviews what is asked";
const CACHE_IS_OURS = "prefixes are cached as long as memory allows";

const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
const chatTool = { type: "function", function: { name: "f", parameters: schema } };
const tool = { name: "f", input_schema: schema };

const ours: Readonly<Record<string, Treatment>> = {
  provider_serial: { honoured: "mach_1" },
  provider_serials: { honoured: ["mach_1"] },
};

/** What OpenAI's clients do not know, and its compatibles do. */
const moreSampling: Readonly<Record<string, Treatment>> = {
  top_k: { honoured: 5 },
  min_p: { honoured: 0.1 },
  repetition_penalty: { honoured: 1.1 },
};

const chat: SurfaceTable = {
  declared: { file: "openai/resources/chat/completions/completions.d.ts", type: "ChatCompletionCreateParamsBase" },
  base: { model: "m", messages: [{ role: "user", content: "hello" }] },
  parameters: {
    ...ours,
    model: { honoured: "other" },
    messages: { honoured: [{ role: "user", content: "other" }] },
    audio: { refused: { voice: "alloy", format: "wav" } },
    frequency_penalty: { honoured: 1 },
    function_call: { honoured: "none", with: { functions: [chatTool.function] } },
    functions: { honoured: [chatTool.function] },
    logit_bias: { honoured: { "5": 1 } },
    logprobs: { honoured: true },
    max_completion_tokens: { honoured: 5 },
    max_tokens: { honoured: 5 },
    metadata: { accepted: [{ a: "b" }], why: STORE_NOTHING },
    modalities: { refused: ["text", "audio"] },
    moderation: { refused: { model: "x" } },
    n: { honoured: 2 },
    parallel_tool_calls: { honoured: false, with: { tools: [chatTool] } },
    prediction: { accepted: [{ type: "content", content: "x" }], why: "a hint for speed that changes no answer" },
    presence_penalty: { honoured: 1 },
    prompt_cache_key: { honoured: "k" },
    prompt_cache_options: { accepted: [{}], why: CACHE_IS_OURS },
    prompt_cache_retention: { accepted: ["24h"], why: CACHE_IS_OURS },
    reasoning_effort: { honoured: "low" },
    response_format: { honoured: { type: "json_object" } },
    safety_identifier: { accepted: ["s"], why: NO_REVIEW },
    seed: { honoured: 5 },
    service_tier: { accepted: ["auto"], why: ONE_TIER },
    stop: { honoured: ["x"] },
    store: { accepted: [true, false], why: STORE_NOTHING },
    stream: { honoured: true },
    stream_options: { honoured: { include_usage: true }, with: { stream: true } },
    temperature: { honoured: 0.5 },
    tool_choice: { honoured: "required", with: { tools: [chatTool] } },
    tools: { honoured: [chatTool] },
    top_logprobs: { honoured: 3, with: { logprobs: true } },
    top_p: { honoured: 0.5 },
    user: { honoured: "u" },
    verbosity: { accepted: ["low"], why: "open models know no such setting" },
    web_search_options: { refused: {} },
    ...moreSampling,
    reasoning: { honoured: { exclude: true } },
    chat_template_kwargs: { honoured: { a: 1 } },
  },
};

const responseTool = { type: "function", name: "f", parameters: schema, strict: true };

const responses: SurfaceTable = {
  declared: { file: "openai/resources/responses/responses.d.ts", type: "ResponseCreateParamsBase" },
  base: { model: "m", input: "hello" },
  parameters: {
    ...ours,
    model: { honoured: "other" },
    input: { honoured: "other" },
    background: { refused: true },
    context_management: { refused: [{ type: "compaction" }] },
    conversation: { refused: "conv_1" },
    include: { accepted: [["reasoning.encrypted_content"]], why: "there is nothing encrypted to include" },
    instructions: { honoured: "be brief" },
    max_output_tokens: { honoured: 5 },
    metadata: { honoured: { a: "b" } },
    moderation: { refused: { model: "x" } },
    parallel_tool_calls: { honoured: false, with: { tools: [responseTool] } },
    previous_response_id: { refused: "resp_1" },
    prompt: { refused: { id: "p" } },
    prompt_cache_key: { honoured: "k" },
    prompt_cache_options: { accepted: [{}], why: CACHE_IS_OURS },
    prompt_cache_retention: { accepted: ["24h"], why: CACHE_IS_OURS },
    reasoning: { honoured: { effort: "low" } },
    safety_identifier: { accepted: ["s"], why: NO_REVIEW },
    service_tier: { accepted: ["auto"], why: ONE_TIER },
    store: { accepted: [true, false], why: STORE_NOTHING },
    stream: { honoured: true },
    stream_options: { accepted: [{ include_obfuscation: false }], why: "streams are not obfuscated" },
    temperature: { honoured: 0.5 },
    text: { honoured: { format: { type: "json_object" } } },
    tool_choice: { honoured: "required", with: { tools: [responseTool] } },
    tools: { honoured: [responseTool] },
    top_logprobs: { honoured: 3, with: { include: ["message.output_text.logprobs"] } },
    top_p: { honoured: 0.5 },
    truncation: { accepted: ["disabled", "auto"], why: "a prompt that is too long is refused" },
    user: { honoured: "u" },
    ...moreSampling,
    seed: { honoured: 5 },
    frequency_penalty: { honoured: 1 },
    presence_penalty: { honoured: 1 },
    logit_bias: { honoured: { "5": 1 } },
    stop: { honoured: ["x"] },
    chat_template_kwargs: { honoured: { a: 1 } },
    max_tool_calls: { accepted: [3], why: "it bounds calls of built-in tools, of which there are none" },
    messages: { refused: [{ role: "user", content: "hello" }] },
    max_tokens: { refused: 5 },
    max_completion_tokens: { refused: 5 },
    n: { refused: 2 },
    functions: { refused: [chatTool.function] },
    response_format: { refused: { type: "json_object" } },
    reasoning_effort: { refused: "low" },
  },
};

const inputTokens: SurfaceTable = {
  declared: { file: "openai/resources/responses/input-tokens.d.ts", type: "InputTokenCountParams" },
  base: { model: "m", input: "hello" },
  parameters: {
    model: { honoured: "other" },
    input: { honoured: "other" },
    conversation: { refused: "conv_1" },
    instructions: { honoured: "be brief" },
    parallel_tool_calls: { honoured: false, with: { tools: [responseTool] } },
    personality: { refused: "friendly" },
    previous_response_id: { refused: "resp_1" },
    reasoning: { honoured: { effort: "low" } },
    text: { honoured: { format: { type: "json_object" } } },
    tool_choice: { honoured: "required", with: { tools: [responseTool] } },
    tools: { honoured: [responseTool] },
    truncation: { accepted: ["disabled", "auto"], why: "a prompt that is too long is refused" },
    chat_template_kwargs: { honoured: { a: 1 } },
  },
};

const completions: SurfaceTable = {
  declared: { file: "openai/resources/completions.d.ts", type: "CompletionCreateParamsBase" },
  base: { model: "m", prompt: "hello" },
  parameters: {
    ...ours,
    model: { honoured: "other" },
    prompt: { honoured: "other" },
    best_of: { refused: 2 },
    echo: { honoured: true },
    frequency_penalty: { honoured: 1 },
    logit_bias: { honoured: { "5": 1 } },
    logprobs: { honoured: 2 },
    max_tokens: { honoured: 5 },
    n: { honoured: 2 },
    presence_penalty: { honoured: 1 },
    seed: { honoured: 5 },
    stop: { honoured: ["x"] },
    stream: { honoured: true },
    stream_options: { honoured: { include_usage: true }, with: { stream: true } },
    suffix: { refused: "x" },
    temperature: { honoured: 0.5 },
    top_p: { honoured: 0.5 },
    user: { honoured: "u" },
    ...moreSampling,
    prompt_cache_key: { honoured: "k" },
    tools: { refused: [chatTool] },
    messages: { refused: [{ role: "user", content: "hello" }] },
    response_format: { refused: { type: "json_object" } },
  },
};

const messages: SurfaceTable = {
  declared: { file: "@anthropic-ai/sdk/resources/messages/messages.d.ts", type: "MessageCreateParamsBase" },
  base: { model: "m", max_tokens: 4_096, messages: [{ role: "user", content: "hello" }] },
  parameters: {
    ...ours,
    model: { honoured: "other" },
    messages: { honoured: [{ role: "user", content: "other" }] },
    cache_control: { accepted: [{ type: "ephemeral" }], why: CACHE_IS_OURS },
    container: { refused: "c" },
    diagnostics: { refused: {} },
    inference_geo: { refused: "us" },
    max_tokens: { honoured: 5 },
    metadata: { honoured: { user_id: "u" } },
    output_config: { honoured: { format: { type: "json_schema", schema } } },
    output_format: { honoured: { type: "json_schema", schema } },
    service_tier: { accepted: ["auto", "standard_only"], why: ONE_TIER },
    speed: { refused: "fast" },
    stop_sequences: { honoured: ["x"] },
    stream: { honoured: true },
    system: { honoured: "be brief" },
    thinking: { honoured: { type: "enabled", budget_tokens: 2_048 } },
    tool_choice: { honoured: { type: "any" }, with: { tools: [tool] } },
    tools: { honoured: [tool] },
    user_profile_id: { accepted: ["p"], why: NO_REVIEW },
    workspace_id: { accepted: ["w"], why: "a key belongs to one account" },
    temperature: { honoured: 0.5 },
    top_p: { honoured: 0.5 },
    top_k: { honoured: 5 },
  },
};

const countTokens: SurfaceTable = {
  declared: { file: "@anthropic-ai/sdk/resources/messages/messages.d.ts", type: "MessageCountTokensParams" },
  base: { model: "m", messages: [{ role: "user", content: "hello" }] },
  parameters: {
    provider_serial: { accepted: ["mach_1"], why: "no machine is asked" },
    provider_serials: { accepted: [["mach_1"]], why: "no machine is asked" },
    model: { honoured: "other" },
    messages: { honoured: [{ role: "user", content: "other" }] },
    cache_control: { accepted: [{ type: "ephemeral" }], why: CACHE_IS_OURS },
    output_config: { honoured: { format: { type: "json_schema", schema } } },
    output_format: { honoured: { type: "json_schema", schema } },
    speed: { refused: "fast" },
    system: { honoured: "be brief" },
    thinking: { honoured: { type: "enabled", budget_tokens: 2_048 } },
    tool_choice: { honoured: { type: "any" }, with: { tools: [tool] } },
    tools: { honoured: [tool] },
    user_profile_id: { accepted: ["p"], why: NO_REVIEW },
    workspace_id: { accepted: ["w"], why: "a key belongs to one account" },
  },
};

const embeddings: SurfaceTable = {
  declared: { file: "openai/resources/embeddings.d.ts", type: "EmbeddingCreateParams" },
  base: { model: "m", input: "hello" },
  parameters: {
    ...ours,
    model: { honoured: "other" },
    input: { honoured: ["a", "b"] },
    dimensions: { honoured: 64 },
    encoding_format: { honoured: "base64" },
    user: { honoured: "u" },
  },
};

export const PARAMETER_TABLES = {
  "/v1/chat/completions": chat,
  "/v1/responses": responses,
  "/v1/responses/input_tokens": inputTokens,
  "/v1/completions": completions,
  "/v1/messages": messages,
  "/v1/messages/count_tokens": countTokens,
  "/v1/embeddings": embeddings,
} as const satisfies Record<string, SurfaceTable>;
