import { type Llama, LlamaGrammar, LlamaGrammarEvaluationState, type LlamaModel } from "node-llama-cpp";
import { EngineError } from "../engine.js";
import { nativeGrammarState } from "./native.js";

/** Grammars kept compiled, over all scopes. Requests of one application tend to repeat a few. */
const grammars_max = 32;

export interface GrammarCache {
  /**
   * A fresh native state of the grammar. It is remembered for its scope alone, and without one not at all: that another has asked for the
   * same is not to be told from the time it takes.
   *
   * @throws EngineError `grammar` when the text is not valid GBNF
   */
  begin(gbnf: string, scope: string | undefined): object;
}

/** Compiles GBNF and remembers the last few results of each scope. */
export function createGrammarCache(llama: Llama, model: LlamaModel): GrammarCache {
  const compiled = new Map<string, LlamaGrammar>();

  function compile(gbnf: string, scope: string | undefined): LlamaGrammar {
    if (scope === undefined) return new LlamaGrammar(llama, { grammar: gbnf });
    const key = JSON.stringify([scope, gbnf]);
    const grammar = compiled.get(key) ?? new LlamaGrammar(llama, { grammar: gbnf });
    compiled.delete(key);
    compiled.set(key, grammar);
    const oldest = compiled.size > grammars_max ? compiled.keys().next().value : undefined;
    if (oldest !== undefined) compiled.delete(oldest);
    return grammar;
  }

  return {
    begin(gbnf, scope) {
      try {
        return nativeGrammarState(new LlamaGrammarEvaluationState({ model, grammar: compile(gbnf, scope) }));
      } catch (cause) {
        throw new EngineError("grammar", `a grammar of ${gbnf.length} characters does not compile`, { cause });
      }
    },
  };
}
