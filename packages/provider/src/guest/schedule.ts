import { z } from "zod";

const MINUTES_PER_DAY = 1_440;
/** Sunday is 0, as everywhere in calendars of programs. */
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const DAY_NAMES: Readonly<Record<string, number>> = Object.fromEntries(
  DAYS.flatMap((short, day) => [
    [short, day],
    [["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"][day], day],
  ]),
);
export const SCHEDULE_LIMITS = { windows_max: 64 } as const;

const day = z.string().transform((text, context) => {
  const number = DAY_NAMES[text.trim().toLowerCase()];
  if (number !== undefined) return number;
  context.addIssue({ code: "custom", message: `"${text}" is no day of the week; days are mon, tue, … or monday, tuesday, …` });
  return z.NEVER;
});

const timeOfDay = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "a time of day is HH:MM, from 00:00 to 23:59")
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const timeZone = z.string().refine(isTimeZone, { error: "there is no such time zone; names are like Europe/Berlin" });

/**
 * When a machine serves: the union of windows of local time. A window whose end is not after its start goes on until that time of the next day,
 * so that 00:00 to 00:00 is the whole day. What does not parse is refused, never left out: a schedule that is partly ignored would serve when
 * its owner said no. Source: provider.md §17.3.
 */
export const schedule = z.strictObject({
  windows: z
    .array(z.strictObject({ days: z.array(day).min(1).max(14), start: timeOfDay, end: timeOfDay }))
    .min(1, "a schedule without windows would never serve; leave it out to serve always")
    .max(SCHEDULE_LIMITS.windows_max),
  /** IANA name. Absent: the machine's own. */
  time_zone: timeZone.exactOptional(),
});
export type Schedule = z.output<typeof schedule>;

/**
 * Whether the schedule is open at an instant, by the wall clock of its time zone. Nothing is remembered between calls, so that jumps of the
 * clock, summer time and sleep need no care: when an hour happens twice, both are open or neither is.
 */
export function isOpen({ windows, time_zone }: Schedule, at: Date): boolean {
  const { day: today, minute } = wallClock(at, time_zone);
  const yesterday = (today + 6) % 7;
  return windows.some(({ days, start, end }) => {
    const isOvernight = end <= start;
    if (days.includes(today) && minute >= start && (isOvernight || minute < end)) return true;
    return isOvernight && days.includes(yesterday) && minute < end;
  });
}

/** The next minute at which `isOpen` changes, within a week and a day; undefined when it never does. For people. */
export function nextChange(schedule: Schedule, at: Date): Date | undefined {
  const now = isOpen(schedule, at);
  const minute_ms = 60_000;
  const first_ms = Math.floor(at.getTime() / minute_ms) * minute_ms;
  for (let minute = 1; minute <= 8 * MINUTES_PER_DAY; minute += 1) {
    const instant = new Date(first_ms + minute * minute_ms);
    if (isOpen(schedule, instant) !== now) return instant;
  }
  return undefined;
}

/** Making one takes far longer than using it. */
const formats = new Map<string | undefined, Intl.DateTimeFormat>();

function wallClock(at: Date, zone: string | undefined): { readonly day: number; readonly minute: number } {
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat("en-US", { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  formats.set(zone, format);
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const today = DAY_NAMES[parts.get("weekday")?.toLowerCase() ?? ""] ?? 0;
  return { day: today, minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
