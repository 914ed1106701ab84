import type { ParsedRequest } from "../dialect.js";
import { checkBody, missingParameter, parameterError, requireObject } from "../request-body.js";
import { refuseMalformedPins, routingHints } from "../routing-hints.js";
import { EMBEDDING_LIMITS, embeddingsBody } from "./schema.js";

/** How the caller of embeddings wants its vectors. */
export interface EmbeddingOptions {
  readonly encoding: "float" | "base64";
  /** How many vectors were asked for. */
  readonly inputs: number;
}

/**
 * Reads the body of `POST /v1/embeddings`.
 *
 * @throws ApiError 400 with the parameter's path. Source: api.md §14.6.
 */
export function parseEmbeddings(json: unknown): ParsedRequest<EmbeddingOptions> {
  const fields = requireObject(json);
  if (typeof fields["model"] !== "string" || fields["model"] === "") throw missingParameter(["model"]);
  requireInput(fields["input"]);
  if (fields["stream"] === true) throw parameterError(["stream"], " is not supported for embeddings", "unsupported_parameter");
  refuseMalformedPins(fields);
  const body = checkBody(embeddingsBody, json);
  const inputs = typeof body.input === "string" ? [body.input] : body.input;
  return {
    request: {
      model: body.model,
      task: { type: "embedding", inputs, ...(body.dimensions == null ? {} : { dimensions: body.dimensions }) },
      messages: [],
      continueFinalMessage: false,
      tools: [],
      toolChoice: { type: "none" },
      parallelToolCalls: true,
      sampling: {},
      stop: [],
      responseFormat: { type: "text" },
      reasoning: { exclude: false },
      templateVariables: {},
      choices: 1,
    },
    stream: false,
    options: { encoding: body.encoding_format ?? "float", inputs: inputs.length },
    ...routingHints(body, [body.user]),
  };
}

/** The count is checked before the schema looks at each text, and tokens have a sentence of their own. */
function requireInput(input: unknown): void {
  if (input == null) throw missingParameter(["input"]);
  if (!Array.isArray(input)) return;
  const { inputs_max } = EMBEDDING_LIMITS;
  if (input.length === 0 || input.length > inputs_max) throw parameterError(["input"], `: expected 1 to ${inputs_max} items`);
  if (typeof input[0] === "number" || Array.isArray(input[0])) {
    throw parameterError(["input"], ": expected text; arrays of tokens are not supported");
  }
}
