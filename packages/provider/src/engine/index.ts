export * from "./engine.js";
export { createLlamaEngine, type LlamaEngineDependencies } from "./llama/llama-engine.js";
export type { DeviceMemory, Memory, MemoryNeed } from "./memory.js";
export { type ScriptedEngineScript, scriptedEngineScript } from "./scripted/script.js";
export { createScriptedEngine, type ScriptedEngineDependencies } from "./scripted/scripted-engine.js";
