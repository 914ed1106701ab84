export { createRewards } from "./create-rewards.js";
export type { SeenMachine } from "./eligibility.js";
export { epochAt, partOf } from "./epochs.js";
export { countedMemory_gb, monthlyFloor_microUsd } from "./tiers.js";
export * from "./types.js";
