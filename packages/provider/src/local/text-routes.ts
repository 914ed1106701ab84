import { ApiError, openaiChat, parseJsonBody } from "@umbel/dialects";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { TextResult, TextWork } from "../worker/pipe-messages.js";
import { LOCAL_LIMITS } from "./limits.js";
import { notReady, tooLarge } from "./local-error.js";
import { type AskableModel, findModel } from "./local-models.js";

/** Has a model's tokenizer or template do something; undefined when there is no worker, or it does not answer. */
export type AskTextWork = (build: string, work: TextWork) => Promise<TextResult | undefined>;

export interface TextRouteDependencies {
  readonly models: () => readonly AskableModel[];
  readonly askTextWork: AskTextWork;
}

const model = z.string().optional();
/** `content` is llama.cpp's name for the text, `prompt` vLLM's. */
const tokenizeBody = z.union([
  z.object({ model, content: z.string(), parse_special: z.boolean().default(true) }),
  z.object({ model, prompt: z.string(), parse_special: z.boolean().default(true) }),
]);
const detokenizeBody = z.object({ model, tokens: z.array(z.number().int().nonnegative()).max(LOCAL_LIMITS.tokens_max) });

type Refusal = Extract<TextResult, { refused: unknown }>["refused"];

const REFUSALS: Readonly<Record<Refusal, Pick<ConstructorParameters<typeof ApiError>[0], "status" | "code" | "message">>> = {
  not_loaded: { status: 404, code: "model_not_loaded", message: "the model is not in memory — ask it something first, or load it" },
  vectors_only: { status: 400, code: "invalid_request_error", message: "the model makes only embeddings" },
  not_a_token: { status: 400, code: "invalid_request_error", message: "tokens holds an id that the model does not have" },
  too_long: { status: 400, code: "context_length_exceeded", message: "the messages are longer than the model's context" },
  template: { status: 400, code: "invalid_request_error", message: "the model's chat template does not take these messages" },
};

/** What llama.cpp's and vLLM's own servers offer on texts, for models in memory. Nothing is computed and no place taken. */
export function addTextRoutes(app: FastifyInstance, { models, askTextWork }: TextRouteDependencies): void {
  async function ask(name: string | undefined, work: TextWork): Promise<{ readonly result: Done; readonly model: AskableModel }> {
    const found = findModel(models(), name ?? models()[0]?.name ?? "");
    const result = await askTextWork(found.info.id, work);
    if (result === undefined) throw notReady();
    if ("refused" in result) throw new ApiError({ type: "invalid_request_error", ...REFUSALS[result.refused] });
    return { result, model: found };
  }

  for (const prefix of ["/v1", ""]) {
    app.post(`${prefix}/tokenize`, async (request) => {
      const body = parsed(tokenizeBody, request, "content");
      const text = "content" in body ? body.content : body.prompt;
      if (Buffer.byteLength(text) > LOCAL_LIMITS.text_bytes_max) throw tooLarge(LOCAL_LIMITS.text_bytes_max);
      const { result, model } = await ask(body.model, { kind: "tokenize", text, special: body.parse_special });
      const tokens = "tokens" in result ? result.tokens : [];
      return { tokens, count: tokens.length, max_model_len: model.info.context_length };
    });
    app.post(`${prefix}/detokenize`, async (request) => {
      const body = parsed(detokenizeBody, request, "tokens");
      const { result } = await ask(body.model, { kind: "detokenize", tokens: body.tokens });
      const text = "text" in result ? result.text : "";
      return { content: text, prompt: text };
    });
    app.post(`${prefix}/apply-template`, async (request) => {
      const bytes = bodyOf(request);
      if (bytes.length > LOCAL_LIMITS.text_bytes_max) throw tooLarge(LOCAL_LIMITS.text_bytes_max);
      const { request: chat } = openaiChat.parse(parseJsonBody(bytes));
      const { result } = await ask(chat.model, { kind: "prompt", chat });
      return { prompt: "text" in result ? result.text : "" };
    });
  }
}

type Done = Exclude<TextResult, { refused: unknown }>;

function parsed<Body>(schema: z.ZodType<Body>, request: FastifyRequest, param: string): Body {
  const body = schema.safeParse(parseJsonBody(bodyOf(request)));
  if (body.success) return body.data;
  throw new ApiError({
    status: 400,
    code: "invalid_request_error",
    message: param === "tokens" ? `tokens must be at most ${LOCAL_LIMITS.tokens_max} ids of tokens` : "content must be a text",
    param,
  });
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array(0);
}
