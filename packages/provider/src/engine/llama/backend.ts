import { getLlama, type Llama, LlamaLogLevel } from "node-llama-cpp";
import { EngineError, type LoadOptions } from "../engine.js";
import { NoGpuError } from "../no-gpu-error.js";

/** Starts llama.cpp with the graphics card that is asked for, or without one where no layer is to be computed on it. @throws EngineError `internal` */
export async function startBackend(options: Pick<LoadOptions, "gpu" | "gpuLayers">): Promise<Llama> {
  try {
    return await getLlama({
      gpu: options.gpuLayers === 0 ? false : (options.gpu ?? "auto"),
      build: "never",
      skipDownload: true,
      // llama.cpp's own words may quote what it computes on.
      logLevel: LlamaLogLevel.disabled,
      // The library's division of threads is not used: each context is given its threads, and contexts take turns.
      maxThreads: 0,
    });
  } catch (cause) {
    throw new EngineError("internal", "llama.cpp does not start on this machine", { cause });
  }
}

/** Tries once whether there is such a graphics card. @throws NoGpuError */
export async function requireGpu({ gpu }: Pick<LoadOptions, "gpu">): Promise<void> {
  const llama = await startBackend(gpu === undefined ? {} : { gpu }).catch((cause: unknown) => {
    throw new NoGpuError(`llama.cpp does not start with ${gpu ?? "any graphics card"}`, { cause });
  });
  const found = llama.gpu;
  await llama.dispose();
  if (found === false || found !== (gpu ?? found)) throw new NoGpuError("llama.cpp finds no such graphics card");
}
