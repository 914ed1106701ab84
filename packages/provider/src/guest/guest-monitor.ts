import type { Clock } from "@umbel/protocol";
import { readBattery } from "./readings/battery.js";
import { readMemoryLevel } from "./readings/memory-level.js";
import { readMetered } from "./readings/metered.js";
import { type Sources, SYSTEM_SOURCES } from "./readings/sources.js";
import { readThermal } from "./readings/thermal.js";
import { readUserIdle_ms } from "./readings/user-idle.js";
import { type GuestRules, guestRules } from "./rules.js";
import { FULL_STANCE, type GuestReadings, isSameStance, type Stance, stanceFor } from "./stance.js";

/** How often readings are taken. Memory can run out within a second; the others are slower, and asking them may start a program; networks change least. */
export const GUEST_LIMITS = { fast_ms: 1_000, slow_ms: 10_000, network_ms: 60_000 } as const;

const NO_RULES = guestRules.parse({});

/** Watches the machine on its owner's behalf. */
export interface GuestMonitor {
  readonly stance: Stance;
  readonly readings: GuestReadings;
  /** Reads everything once, then again and again until `stop`. */
  start(): Promise<void>;
  /** @param until_ms in milliseconds of the epoch; 0 resumes, infinite is until further notice */
  pause(until_ms: number): void;
  stop(): void;
}

export interface GuestMonitorOptions {
  /** Absent: nothing but a pause by hand makes the machine rest. */
  readonly rules: GuestRules | undefined;
  readonly clock: Clock;
  readonly pausedUntil_ms: number;
  readonly onChange: (stance: Stance, before: Stance) => void;
  readonly sources?: Sources;
}

export function createGuestMonitor({
  rules,
  clock,
  pausedUntil_ms,
  onChange,
  sources = SYSTEM_SOURCES,
}: GuestMonitorOptions): GuestMonitor {
  let stance = FULL_STANCE;
  let readings: GuestReadings = {
    at: clock.date(),
    pausedUntil_ms,
    userIdle_ms: undefined,
    battery: undefined,
    memory: "normal",
    thermal: "nominal",
    isMetered: undefined,
  };
  let slowlyRead_ms = Number.NEGATIVE_INFINITY;
  let networkRead_ms = Number.NEGATIVE_INFINITY;
  let cancel: () => void = () => undefined;
  let isStopped = false;

  function judge(changed: Partial<GuestReadings>): void {
    readings = { ...readings, ...changed, at: clock.date() };
    const before = stance;
    const next = stanceFor(rules ?? NO_RULES, readings, before);
    if (isStopped || isSameStance(before, next)) return;
    stance = next;
    onChange(next, before);
  }

  async function read(): Promise<void> {
    if (rules === undefined) {
      judge({});
      return;
    }
    const memory = await readMemoryLevel(sources.read);
    judge({ memory });
    if (clock.now_ms() - slowlyRead_ms < GUEST_LIMITS.slow_ms) return;
    slowlyRead_ms = clock.now_ms();
    const [battery, thermal, userIdle_ms] = await Promise.all([
      readBattery(sources),
      readThermal(sources),
      rules.idle_min === undefined ? undefined : readUserIdle_ms(sources, clock.date().getTime()),
    ]);
    judge({ battery, thermal, userIdle_ms });
    if (rules.on_metered !== "wait" || clock.now_ms() - networkRead_ms < GUEST_LIMITS.network_ms) return;
    networkRead_ms = clock.now_ms();
    judge({ isMetered: await readMetered(sources) });
  }

  function later(): void {
    if (isStopped) return;
    cancel = clock.setTimer(GUEST_LIMITS.fast_ms, () => void read().finally(later), "background");
  }

  return {
    get stance() {
      return stance;
    },
    get readings() {
      return readings;
    },
    async start() {
      await read();
      later();
    },
    pause: (until_ms) => judge({ pausedUntil_ms: until_ms }),
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
