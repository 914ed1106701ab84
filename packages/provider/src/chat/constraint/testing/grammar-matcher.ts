import { getLlama, LlamaGrammar, LlamaLogLevel } from "node-llama-cpp";

export interface GrammarMatcher {
  /** Whether llama.cpp's own matcher takes the whole text. */
  accepts(gbnf: string, text: string): boolean;
  dispose(): Promise<void>;
}

export async function createGrammarMatcher(): Promise<GrammarMatcher> {
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.disabled });
  return {
    accepts(gbnf, text) {
      const native: { isTextCompatible(text: string): boolean } = Reflect.get(new LlamaGrammar(llama, { grammar: gbnf }), "_grammar");
      return native.isTextCompatible(text);
    },
    dispose: () => llama.dispose(),
  };
}
