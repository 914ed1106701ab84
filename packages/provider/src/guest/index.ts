export { createGuestMonitor, type GuestMonitor } from "./guest-monitor.js";
export { createMemoryMarker, type MemoryMarker, type MemoryMarkerFile } from "./memory-marker.js";
export { createOomKills, type OomEvidence, type OomKills } from "./oom-kills.js";
export { createPauseFile, type PauseFile } from "./pause-file.js";
export { type Sources, SYSTEM_SOURCES } from "./readings/sources.js";
export { guestRules } from "./rules.js";
export { nextChange } from "./schedule.js";
export { FULL_STANCE, type GuestReadings, refusesOwner, type Stance } from "./stance.js";
export { StayAwake } from "./stay-awake.js";
