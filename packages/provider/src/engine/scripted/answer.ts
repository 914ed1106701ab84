import type { GenerateRequest } from "../engine.js";
import { generator } from "./generator.js";
import type { ScriptedEngineScript } from "./script.js";
import { scriptedTokenizer } from "./tokenizer.js";

/** The tokens that a request is answered with, before its limit cuts them. */
export function answerTokens(script: ScriptedEngineScript, request: GenerateRequest, random: () => number): Int32Array {
  switch (script.answer.kind) {
    case "text":
      return scriptedTokenizer.tokenize(script.answer.text, false);
    case "echo":
      return scriptedTokenizer.tokenize(lastUserText(scriptedTokenizer.textOf(request.tokens)), false);
    case "words":
      return wordTokens(script.answerTokens, request.sampling.seed ?? Math.floor(random() * 2 ** 32));
  }
}

function lastUserText(prompt: string): string {
  const turns = [...prompt.matchAll(/<\|im_start\|>user\n(.*?)<\|im_end\|>/gs)];
  return turns.at(-1)?.[1] ?? prompt;
}

function wordTokens(length: number, seed: number): Int32Array {
  const draw = generator(seed);
  return Int32Array.from({ length }, (_, i) => scriptedTokenizer.wordToken(Math.floor(draw() * 2 ** 16), i === 0 ? "first" : "later"));
}
