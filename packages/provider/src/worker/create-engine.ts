import type { Clock } from "@umbel/protocol";
import type { InferenceEngine } from "../engine/engine.js";
import { scriptedEngineScript } from "../engine/scripted/script.js";
import { createScriptedEngine } from "../engine/scripted/scripted-engine.js";
import type { EngineChoice } from "./pipe-messages.js";

export interface EngineContext {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ends this process as a native fault would. */
  readonly crash: () => void;
}

/** llama.cpp is loaded only where it is asked for: that takes half a second and an addon. @throws NoGpuError where one is needed that is not there */
export async function createEngine(choice: EngineChoice, context: EngineContext): Promise<InferenceEngine> {
  if (choice.kind === "scripted") return createScriptedEngine(scriptedEngineScript.parse(choice.script), context);
  const { gpu, needsGpu } = choice;
  if (gpu !== undefined || needsGpu === true) {
    const { requireGpu } = await import("../engine/llama/backend.js");
    await requireGpu(gpu === undefined ? {} : { gpu });
  }
  const { createLlamaEngine } = await import("../engine/llama/llama-engine.js");
  return createLlamaEngine({ clock: context.clock });
}
