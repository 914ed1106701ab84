import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { CONTEXT_TOKENS, SEQUENCES, THREADS } from "./workbench.js";

/** What is used here of the binding's context and sampler; see the provider's own `native.ts`. */
interface Context {
  initBatch(size: number): void;
  addToBatch(sequence: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(logitIndex: number, sampler: Sampler): Promise<number>;
  removeTokenCellsFromSequence(sequence: number, start: number, end: number): boolean;
}
interface Sampler {
  applyConfig(config: object): void;
}
type SamplerClass = new (model: object) => Sampler;

const BATCH_TOKENS = 512;

/** The binding driven by nothing but a loop: no queue, no events, no text. What the engine is measured against. */
export interface DirectEngine {
  /**
   * Decodes so many tokens of every sequence after the prompt, greedily. Returns tokens per second of all together.
   *
   * @param onStep called when there is one more token of each
   */
  decode(prompt: Uint32Array, sequences: number, tokensEach: number, onStep?: () => "more" | "enough"): Promise<number>;
  close(): Promise<void>;
}

export async function openDirectEngine(weights: string, neverSampled: readonly number[]): Promise<DirectEngine> {
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.disabled, maxThreads: 0 });
  const model = await llama.loadModel({ modelPath: weights, gpuLayers: 0 });
  const size = { sequences: SEQUENCES, contextSize: CONTEXT_TOKENS, batchSize: BATCH_TOKENS, threads: THREADS };
  const context = await model.createContext({ ...size, failedCreationRemedy: false });
  const native = Reflect.get(context, "_ctx") as Context;
  const AddonSampler = Reflect.get(Reflect.get(llama, "_bindings") as object, "AddonSampler") as SamplerClass;
  const nativeModel = Reflect.get(model, "_model") as object;
  const bias = {
    tokenBiasKeys: Uint32Array.from(neverSampled),
    tokenBiasValues: Float32Array.from(neverSampled, () => -1_000),
  };
  const samplers = Array.from({ length: SEQUENCES }, () => new AddonSampler(nativeModel));
  for (const sampler of samplers) sampler.applyConfig({ temperature: 0, topP: 1, topK: 0, minP: 0, seed: 1, ...bias });

  async function step(tokens: readonly Uint32Array[], position: number): Promise<number[]> {
    native.initBatch(tokens.reduce((sum, { length }) => sum + length, 0));
    const logits = tokens.map((own, sequence) => native.addToBatch(sequence, position, own, Uint32Array.of(own.length - 1))[0] ?? -1);
    await native.decodeBatch();
    const sampled: number[] = [];
    for (const [sequence, logit] of logits.entries()) {
      const sampler = samplers[sequence];
      if (sampler !== undefined) sampled.push(await native.sampleToken(logit, sampler));
    }
    return sampled;
  }

  return {
    async decode(prompt, sequences, tokensEach, onStep = () => "more") {
      for (let sequence = 0; sequence < sequences; sequence++) native.removeTokenCellsFromSequence(sequence, 0, -1);
      let last = await step(
        Array.from({ length: sequences }, () => prompt),
        0,
      );
      const begin = performance.now();
      for (let i = 0; i < tokensEach; i++) {
        last = await step(
          last.map((id) => Uint32Array.of(id)),
          prompt.length + i,
        );
        if (onStep() === "enough") break;
      }
      return (sequences * tokensEach * 1000) / (performance.now() - begin);
    },
    async close() {
      await context.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}
