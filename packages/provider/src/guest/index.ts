export { createGuestMonitor, type GuestMonitor } from "./guest-monitor.js";
export { createPauseFile, type PauseFile } from "./pause-file.js";
export type { Sources } from "./readings/sources.js";
export { guestRules } from "./rules.js";
export { nextChange } from "./schedule.js";
export { FULL_STANCE, type GuestReadings, refusesOwner, type Stance } from "./stance.js";
export { StayAwake } from "./stay-awake.js";
