import type { ChatRequest } from "@umbel/dialects";
import type { LoadedModel } from "../engine/index.js";
import type { PromptBuilder } from "./prompt/prompt-builder.js";

/** What a model makes of texts, without computing anything. */
export interface TextTools {
  /** @param special whether control tokens in the text are taken as such */
  tokenize(text: string, special: boolean): Int32Array;
  /** Undefined when a token is none of the model's. */
  detokenize(tokens: readonly number[]): string | undefined;
  /** The prompt that the model is given for a chat. @throws ChatError as `run` does */
  prompt(request: ChatRequest): string;
}

export function createTextTools(loaded: LoadedModel, prompts: PromptBuilder): TextTools {
  const isToken = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < loaded.vocabularySize;
  return {
    tokenize: (text, special) => loaded.tokenize(text, special),
    detokenize: (tokens) => (tokens.every(isToken) ? loaded.detokenize(Int32Array.from(tokens)) : undefined),
    prompt: (request) => prompts.text(request),
  };
}
