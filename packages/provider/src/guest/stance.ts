import type { SystemMetrics } from "@umbel/protocol";
import type { GuestRules } from "./rules.js";
import { isOpen } from "./schedule.js";

/** Why a machine takes no work although it is well. The order is that in which people are told. */
export const REST_REASONS = ["paused", "schedule", "in_use", "battery", "memory", "heat"] as const;
export type RestReason = (typeof REST_REASONS)[number];

export type MemoryLevel = "normal" | "warning" | "critical";

/** What is known of the machine and of its owner's wishes at one instant. What cannot be read is undefined and stands in nobody's way. */
export interface GuestReadings {
  readonly at: Date;
  /** The owner has paused it until this time, in milliseconds of the epoch: 0 is not at all, infinite is until further notice. */
  readonly pausedUntil_ms: number;
  /** Since the last sign of a person. */
  readonly userIdle_ms: number | undefined;
  readonly battery: { readonly isDischarging: boolean; readonly percent: number | undefined } | undefined;
  readonly memory: MemoryLevel;
  readonly thermal: SystemMetrics["thermal_state"];
  /** Whether the network costs by the byte, or has a limit. */
  readonly isMetered: boolean | undefined;
}

/** How the provider behaves towards its host. */
export interface Stance {
  /** Empty: it takes work. */
  readonly reasons: readonly RestReason[];
  /** Models stay in memory. Where they do not, they are put away as soon as nothing runs on them. */
  readonly keepsModels: boolean;
  /** Outside its schedule a machine is not connected at all. */
  readonly keepsConnection: boolean;
  /** What running answers have left until they are cancelled. */
  readonly grace_ms: number;
  /** Share of its places that the machine offers, greater than 0 and at most 1. */
  readonly share: number;
  /** Models may be fetched in the background. */
  readonly fetches: boolean;
}

/** Under heavy throttling fewer streams at once are faster for all of them. Source: provider.md §17.2. */
const SHARE_WHEN_HOT = 0.5;
/** Where memory runs out the host would suffer or kill at random: its owner has the machine back within a second. */
const CRITICAL_GRACE_ms = 1_000;
/** So much charge above the limit, in percent, before it serves again: else it would begin and end with every percent. */
const BATTERY_MARGIN = 5;

/** What a machine that serves without reserve does. */
export const FULL_STANCE: Stance = { reasons: [], keepsModels: true, keepsConnection: true, grace_ms: 0, share: 1, fetches: true };

/**
 * Decides from readings; the stance before matters where a limit has two sides, one to begin resting and one to end it.
 *
 * Source: provider.md §17.
 */
export function stanceFor(rules: GuestRules, readings: GuestReadings, before: Stance = FULL_STANCE): Stance {
  const rested = (reason: RestReason): boolean => before.reasons.includes(reason);
  const applies: Readonly<Record<RestReason, boolean>> = {
    paused: readings.pausedUntil_ms > readings.at.getTime(),
    schedule: rules.schedule !== undefined && !isOpen(rules.schedule, readings.at),
    in_use: rules.idle_min !== undefined && readings.userIdle_ms !== undefined && readings.userIdle_ms < rules.idle_min * 60_000,
    battery: isLow(rules, readings.battery, rested("battery")),
    memory: readings.memory === "critical" || (rested("memory") && readings.memory !== "normal"),
    heat: readings.thermal === "critical" || (rested("heat") && readings.thermal === "serious"),
  };
  const reasons = REST_REASONS.filter((reason) => applies[reason]);
  return {
    reasons,
    keepsModels: !(applies.paused || applies.schedule || applies.in_use || applies.memory),
    keepsConnection: !applies.schedule,
    grace_ms: graceFor(rules, applies, reasons),
    share: readings.thermal === "serious" || readings.thermal === "critical" ? SHARE_WHEN_HOT : 1,
    fetches: reasons.length === 0 && !(readings.isMetered === true && rules.on_metered === "wait"),
  };
}

/** What keeps even the machine's own programs from being answered: its owner's word, and memory that runs out. The rest is for others' work only. */
export function refusesOwner({ reasons }: Stance): boolean {
  return reasons.includes("paused") || reasons.includes("memory");
}

function graceFor(rules: GuestRules, applies: Readonly<Record<RestReason, boolean>>, reasons: readonly RestReason[]): number {
  if (reasons.length === 0) return 0;
  return applies.memory ? Math.min(CRITICAL_GRACE_ms, rules.grace_ms) : rules.grace_ms;
}

export function isSameStance(a: Stance, b: Stance): boolean {
  return (
    a.reasons.join() === b.reasons.join() &&
    a.keepsModels === b.keepsModels &&
    a.keepsConnection === b.keepsConnection &&
    a.grace_ms === b.grace_ms &&
    a.share === b.share &&
    a.fetches === b.fetches
  );
}

function isLow(rules: GuestRules, battery: GuestReadings["battery"], rested: boolean): boolean {
  if (battery === undefined || !battery.isDischarging) return false;
  if (rules.on_battery === "pause") return true;
  const least = rules.battery_percent_min + (rested ? BATTERY_MARGIN : 0);
  return battery.percent !== undefined && battery.percent < least;
}
