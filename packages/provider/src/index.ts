/**
 * A provider: the agent that runs on a machine and serves models to a coordinator, with a confined worker process that holds the keys and
 * the model. Log and status never hold plaintext, keys or tokens.
 */
export { type ProviderDependencies, type ProviderOptions, providerOptions } from "./agent/options.js";
export { createProviderAgent } from "./agent/provider-agent.js";
export { ProviderError, type ProviderErrorCode } from "./agent/provider-error.js";
export type { ProviderAgent, ProviderPhase, ProviderState } from "./agent/provider-state.js";
export type { Totals } from "./agent/reports.js";
export { readBenchmarks } from "./agent/stored-rates.js";
export { type BenchmarkReport, benchmarkModel } from "./benchmark/benchmark-model.js";
export { askProvider, ControlError, type ControlServer, controlPath, startControl } from "./control/index.js";
export { type ScriptedEngineScript, scriptedEngineScript } from "./engine/scripted/script.js";
export { readPosture } from "./evidence/posture.js";
export { guestRules, SYSTEM_SOURCES } from "./guest/index.js";
export { type DiscoveryRecord, isLoopback, readDiscoveryRecord } from "./local/index.js";
export { readMemory } from "./machine/memory.js";
export { measureMemoryBandwidth_gbs } from "./machine/memory-bandwidth.js";
export { planDiskRoom } from "./models/disk/disk-budget.js";
export { publishFolder, removeFolder } from "./models/disk/publish.js";
export { withLock } from "./models/disk/staging-lock.js";
export { unlimitedBandwidth } from "./models/download/bandwidth.js";
export { DownloadError } from "./models/download/download-error.js";
export { type DownloadProgress, downloadFiles } from "./models/download/download-files.js";
export { GgufError } from "./models/gguf/gguf-error.js";
export { type GgufInspection, inspectGgufFile } from "./models/gguf/inspect-gguf.js";
export { catalogMemory, machineMemory_gib, memoryFor } from "./models/gguf/memory-estimate.js";
export { ModelError, type ModelErrorCode } from "./models/model-error.js";
export { createModelLibrary, type ModelLibrary } from "./models/model-library.js";
export { createModelStore, type LocalModel, type ModelStore } from "./models/model-store.js";
export { type HubModel, inspectOnHub } from "./models/sources/inspect-on-hub.js";
export { SourceError } from "./models/sources/source-error.js";
export { verifyModel } from "./models/verify-model.js";
export { type ProxyVariables, proxyFor } from "./session/proxy.js";
export type { Logger } from "./session/types.js";
export { type LogReportLines, type ReportOutcome, readLogReport, sendLogReport } from "./telemetry/index.js";
export type { EngineChoice, LoadFailure, WorkerSandbox } from "./worker/pipe-messages.js";
