import type { ProviderView } from "../types.js";

/** How good a place the machine is for one more copy: higher is better (routing.md §13.3). A machine too hot to serve is refused by a gate. */
export function targetScore(view: ProviderView): number {
  const heat = view.thermal === "serious" ? 1000 : view.thermal === "fair" ? 250 : 0;
  return (view.freeForLoad_gb ?? 0) * 100 + view.staticDecode_tps * 10 - view.memoryPressure * 500 - view.cpuUsage * 100 - heat;
}
