import { type Llama, LlamaGrammar, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import { EngineError } from "../engine.js";
import { nativeGrammarState } from "./native.js";

/** Grammars kept compiled. Requests of one application tend to repeat a few. */
const grammars_max = 32;

export interface GrammarCache {
  /** A fresh native state of the grammar. @throws EngineError `grammar` when the text is not valid GBNF. */
  begin(gbnf: string): object;
}

/** Compiles GBNF and remembers the last few results. */
export function createGrammarCache(llama: Llama, model: LlamaModel): GrammarCache {
  const compiled = new Map<string, LlamaGrammar>();

  function compile(gbnf: string): LlamaGrammar {
    const grammar = compiled.get(gbnf) ?? new LlamaGrammar(llama, { grammar: gbnf });
    compiled.delete(gbnf);
    compiled.set(gbnf, grammar);
    const oldest = compiled.size > grammars_max ? compiled.keys().next().value : undefined;
    if (oldest !== undefined) compiled.delete(oldest);
    return grammar;
  }

  return {
    begin(gbnf) {
      try {
        return nativeGrammarState(new LlamaGrammarEvaluationState({ model, grammar: compile(gbnf) }));
      } catch (cause) {
        throw new EngineError("grammar", `a grammar of ${gbnf.length} characters does not compile`, { cause });
      }
    },
  };
}
