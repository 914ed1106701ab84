import { ChatError, type TextTools } from "../chat/index.js";
import type { TextResult, TextWork } from "./pipe-messages.js";

/** Does what a program of this machine asks of a model's tokenizer or template. */
export function doTextWork(tools: TextTools | "not_loaded" | "vectors_only", work: TextWork): TextResult {
  if (typeof tools === "string") return { refused: tools };
  switch (work.kind) {
    case "tokenize":
      return { tokens: [...tools.tokenize(work.text, work.special)] };
    case "detokenize": {
      const text = tools.detokenize(work.tokens);
      return text === undefined ? { refused: "not_a_token" } : { text };
    }
    case "prompt":
      try {
        return { text: tools.prompt(work.chat) };
      } catch (error) {
        if (!(error instanceof ChatError)) throw error;
        return { refused: error.errorClass === "context_exceeded" ? "too_long" : "template" };
      }
  }
}
