import type { Clock } from "@umbel/protocol";
import { createLlamaEngine, createScriptedEngine, type InferenceEngine, scriptedEngineScript } from "../engine/index.js";
import type { EngineChoice } from "./pipe-messages.js";

export interface EngineContext {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Ends this process as a native fault would. */
  readonly crash: () => void;
}

export function createEngine(choice: EngineChoice, context: EngineContext): InferenceEngine {
  if (choice.kind === "llama.cpp") return createLlamaEngine({ clock: context.clock });
  return createScriptedEngine(scriptedEngineScript.parse(choice.script), context);
}
