import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import path from "node:path";
import { z } from "zod";
import type { ProviderPlaces } from "./places.js";

/** After so many crashes in so long it is started no more: what is wrong does not go away by itself. Source: provider.md §19. */
const CRASHES_MAX = 5;
const CRASHES_WITHIN_ms = 1_800_000;
/** Before the second try and, doubled each time, before those that follow. */
const WAIT_ms = 30_000;

const record = z.object({
  /** Since when it runs, or has been running when it crashed. */
  running_since: z.iso.datetime().nullable(),
  crashes: z.array(z.iso.datetime()),
  gave_up: z.object({ at: z.iso.datetime(), why: z.string() }).nullable(),
});
type Record = z.infer<typeof record>;
const FRESH: Record = { running_since: null, crashes: [], gave_up: null };

/** Counts crashes where what keeps the service starts it again and again: launchd and the Windows Task Scheduler do. */
export interface CrashGuard {
  /** How long to wait before this start; undefined: not at all, it is given up. */
  readonly wait_ms: number | undefined;
  begin(): void;
  /** It ended as it was told to. */
  end(): void;
  giveUp(why: string): void;
}

interface World {
  readonly now: () => Date;
  readonly uptime_ms: number;
}

export function openCrashGuard(
  places: Pick<ProviderPlaces, "home">,
  world: World = { now: () => new Date(), uptime_ms: uptime() * 1_000 },
): CrashGuard {
  const now_ms = world.now().getTime();
  const before = read(places);
  // What the machine's own end has ended is no crash.
  const hasCrashed = before.running_since !== null && Date.parse(before.running_since) >= now_ms - world.uptime_ms;
  const crashes = [...before.crashes, ...(hasCrashed ? [world.now().toISOString()] : [])].filter(
    (at) => Date.parse(at) > now_ms - CRASHES_WITHIN_ms,
  );
  const write = (change: Partial<Record>): void => save(places, { ...FRESH, crashes, ...change });
  const giveUp = (why: string): void => write({ crashes: [], gave_up: { at: world.now().toISOString(), why } });
  const isHopeless = crashes.length >= CRASHES_MAX;
  if (isHopeless) giveUp(`it crashed ${crashes.length} times in half an hour`);
  return {
    wait_ms: isHopeless ? undefined : crashes.length === 0 ? 0 : WAIT_ms * 2 ** (crashes.length - 1),
    begin: () => write({ running_since: world.now().toISOString() }),
    end: () => write({}),
    giveUp,
  };
}

/** Why it was given up, and when; undefined where it was not. */
export function givenUp(places: Pick<ProviderPlaces, "home">): NonNullable<Record["gave_up"]> | undefined {
  return read(places).gave_up ?? undefined;
}

/** Somebody starts it by hand: what was counted before is forgotten. */
export function forgetCrashes(places: Pick<ProviderPlaces, "home">): void {
  rmSync(fileOf(places), { force: true });
}

function read(places: Pick<ProviderPlaces, "home">): Record {
  try {
    return record.parse(JSON.parse(readFileSync(fileOf(places), "utf8")));
  } catch {
    // Not there, or half of it: counting begins anew.
    return FRESH;
  }
}

function save(places: Pick<ProviderPlaces, "home">, next: Record): void {
  mkdirSync(places.home, { recursive: true, mode: 0o700 });
  const file = fileOf(places);
  writeFileSync(`${file}.new`, JSON.stringify(next), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function fileOf({ home }: Pick<ProviderPlaces, "home">): string {
  return path.join(home, "crashes.json");
}
