import path from "node:path";
import { systemClock } from "@umbel/protocol/native";
import { createLlamaEngine, type GenerateRequest } from "@umbel/provider/engine";
import type { StreamSample } from "./load.js";

const WEIGHTS = path.resolve(import.meta.dirname, "../../../models/sprout/sprout-3m-q8_0.gguf");
const CONTEXT_TOKENS = 2_048;

/** The bundled model in this process: no chat layer, no worker, no network. The prompt is the one that its template would make. */
export async function startEngineAlone(sequences: number) {
  const engine = createLlamaEngine({ clock: systemClock });
  const model = await engine.load({ buildId: "sprout", path: WEIGHTS }, { sequences, contextLength_tokens: CONTEXT_TOKENS });
  return {
    generate: async (question: string, maxTokens: number): Promise<StreamSample> => {
      const begin = performance.now();
      const tokens = model.tokenize(`<|im_start|>user\n${question}<|im_end|>\n<|im_start|>assistant\n`, true);
      const request: GenerateRequest = { tokens, maxTokens, sampling: { temperature: 0 } };
      let count = 0;
      let firstToken_ms = Number.NaN;
      for await (const event of model.generate(request).events) {
        if (event.type === "end" && event.error !== undefined) throw event.error;
        if (event.type !== "token") continue;
        if (count === 0) firstToken_ms = performance.now() - begin;
        count += 1;
      }
      return { tokens: count, firstToken_ms, total_ms: performance.now() - begin };
    },
    close: async () => {
      await model.dispose();
      await engine.dispose();
    },
  };
}
