import { z } from "zod";
import { schedule } from "./schedule.js";

/** How the machine's owner wants to be left alone; everything has a default that suits a computer somebody works at. */
export const guestRules = z.strictObject({
  /** Absent: always. */
  schedule: schedule.exactOptional(),
  /** Minutes without keyboard, mouse or terminal after which the machine may serve; absent: also while somebody uses it. */
  idle_min: z.number().int().min(1).max(1_440).exactOptional(),
  /** What to do while the machine runs on its battery. */
  on_battery: z.enum(["pause", "serve"]).default("pause"),
  /** On battery, serve only above this charge, in percent. */
  battery_percent_min: z.number().int().min(0).max(100).default(40),
  /** Whether models are fetched in the background over a network that is metered. */
  on_metered: z.enum(["wait", "fetch"]).default("wait"),
  /** How long running answers may go on once the machine is wanted back, in milliseconds; then they are cancelled. */
  grace_ms: z.number().int().min(0).max(600_000).default(120_000),
});
export type GuestRules = z.output<typeof guestRules>;
