import type { WholeDialect } from "../dialect.js";
import { errorBody, renderOpenAiError } from "../openai/wire.js";
import { type EmbeddingOptions, parseEmbeddings } from "./parse.js";
import { embeddingsFinalRenderer } from "./render-final.js";
import { embeddingList, embeddingsBody } from "./schema.js";

export type { EmbeddingOptions };

/** OpenAI embeddings: `POST /v1/embeddings`. Never streamed. */
export const openaiEmbeddings: WholeDialect<EmbeddingOptions> = {
  id: "openai-embeddings",
  schemas: { request: embeddingsBody, answer: embeddingList, error: errorBody },
  parse: parseEmbeddings,
  finalRenderer: embeddingsFinalRenderer,
  renderError: renderOpenAiError,
};
