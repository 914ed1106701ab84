/** There is no graphics card of the kind that was asked for, or that the engine can use. */
export class NoGpuError extends Error {
  override readonly name = "NoGpuError";
}
