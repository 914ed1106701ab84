import type { Location } from "@umbel/protocol";
import { z } from "zod";
import type { ServedBetween } from "../../insight/index.js";

/** What is too little to be shown by itself, because it would say what one machine or one caller does. Source: routing.md §17. */
export const LOCATION_LIMITS = { providers_min: 2, city_requests_min: 5, flow_requests_min: 5, flows_max: 24 } as const;

const OTHER_COUNTRIES = "other";

const count = z.int().min(0);
export const locationObject = z.object({
  country: z.string().describe(`ISO 3166-1; countries in which there are too few stand together as "${OTHER_COUNTRIES}".`),
  city: z.string().nullable().describe("Null for machines whose city is not said, or has too few."),
  providers: count,
  requests: count,
});
type LocationRow = z.infer<typeof locationObject>;
export const flowObject = z.object({ from: z.string(), to: z.string(), requests: count });
type Flow = z.infer<typeof flowObject>;

/** Machines, and answers that were written, at one place. */
interface Bucket {
  providers: number;
  requests: number;
}

/**
 * Where machines stand whose owners say so, and how much they answered.
 *
 * @param machines of those that are connected
 */
export function locationsOf(machines: readonly Location[], served: readonly ServedBetween[]): readonly LocationRow[] {
  const countries = bucketsOf(machines, served);
  const rows: LocationRow[] = [];
  const other: Bucket = { providers: 0, requests: 0 };
  for (const [country, cities] of countries) {
    const whole = sumOf([...cities.values()]);
    if (whole.providers < LOCATION_LIMITS.providers_min) add(other, whole);
    else rows.push(...rowsOf(country, cities));
  }
  if (other.providers >= LOCATION_LIMITS.providers_min) rows.push({ country: OTHER_COUNTRIES, city: null, ...other });
  return rows;
}

/** From where to where answers went, the most first, between countries that are shown by themselves. */
export function flowsOf(machines: readonly Location[], served: readonly ServedBetween[]): readonly Flow[] {
  const flows = new Map<string, Flow>();
  for (const { from, to, answers } of served) {
    if (from === undefined) continue;
    const key = `${from} ${to.country}`;
    flows.set(key, { from, to: to.country, requests: answers + (flows.get(key)?.requests ?? 0) });
  }
  const shown = new Set(locationsOf(machines, served).map(({ country }) => country));
  return [...flows.values()]
    .filter(({ to, requests }) => requests >= LOCATION_LIMITS.flow_requests_min && shown.has(to))
    .sort((a, b) => b.requests - a.requests || (a.from + a.to < b.from + b.to ? -1 : 1))
    .slice(0, LOCATION_LIMITS.flows_max);
}

function bucketsOf(machines: readonly Location[], served: readonly ServedBetween[]): Map<string, Map<string, Bucket>> {
  const countries = new Map<string, Map<string, Bucket>>();
  const at = ({ country, city = "" }: Location): Bucket => {
    const cities = countries.get(country) ?? new Map<string, Bucket>();
    countries.set(country, cities);
    const bucket = cities.get(city) ?? { providers: 0, requests: 0 };
    cities.set(city, bucket);
    return bucket;
  };
  for (const machine of machines) at(machine).providers += 1;
  for (const { to, answers } of served) at(to).requests += answers;
  return countries;
}

/** A country's cities that are shown by themselves, and all else of it in one row. */
function rowsOf(country: string, cities: ReadonlyMap<string, Bucket>): LocationRow[] {
  const shown: (Bucket & { readonly city: string })[] = [];
  const rest: Bucket = { providers: 0, requests: 0 };
  for (const [city, bucket] of cities) {
    const isEnough = bucket.providers >= LOCATION_LIMITS.providers_min && bucket.requests >= LOCATION_LIMITS.city_requests_min;
    if (city !== "" && isEnough) shown.push({ city, ...bucket });
    else add(rest, bucket);
  }
  shown.sort((a, b) => b.requests - a.requests);
  // What is left must not stand for one machine either.
  if (rest.providers > 0 && rest.providers < LOCATION_LIMITS.providers_min) {
    const least = shown.pop();
    if (least !== undefined) add(rest, least);
  }
  const rows = shown.map(({ city, providers, requests }) => ({ country, city, providers, requests }));
  return rest.providers === 0 ? rows : [...rows, { country, city: null, ...rest }];
}

function sumOf(buckets: readonly Bucket[]): Bucket {
  const sum: Bucket = { providers: 0, requests: 0 };
  for (const bucket of buckets) add(sum, bucket);
  return sum;
}

function add(to: Bucket, { providers, requests }: Bucket): void {
  to.providers += providers;
  to.requests += requests;
}
