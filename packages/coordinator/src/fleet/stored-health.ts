import { type HealthRecord, shifted } from "@umbel/routing";
import { z } from "zod";

/** Of the form below; a record of another form is as good as none. */
const FORM = 1;

const instant_ms = z.number().finite();
const count = z.number().finite().nonnegative();

/** A machine's health as it lies in the database. Its instants are milliseconds since 1970. */
const storedHealth = z.object({
  form: z.literal(FORM),
  breaker: z.object({ faultsInARow: count, trips: count, openUntil_ms: instant_ms, probeUntil_ms: instant_ms, touchedAt_ms: instant_ms }),
  loadCooldowns: z.record(z.string(), instant_ms),
  errorCooldowns: z.record(z.string(), z.object({ strikes_ms: z.array(instant_ms).max(16), until_ms: instant_ms })),
  outcomes: z.object({ successes: count, failures: count }),
  reputation: z.object({
    jobsOk: count,
    jobsFailed: count,
    challengesOk: count,
    challengesFailed: count,
    uptime_ms: count,
    response_ms: count,
  }),
});

/** @param clock both readings of one instant */
export function toStored(record: HealthRecord, clock: { readonly now_ms: number; readonly date: Date }): unknown {
  return { form: FORM, ...shifted(record, clock.date.getTime() - clock.now_ms) };
}

/** @returns undefined for what is not a record of this form */
export function fromStored(stored: unknown, clock: { readonly now_ms: number; readonly date: Date }): HealthRecord | undefined {
  const parsed = storedHealth.safeParse(stored);
  return parsed.success ? shifted(parsed.data, clock.now_ms - clock.date.getTime()) : undefined;
}
