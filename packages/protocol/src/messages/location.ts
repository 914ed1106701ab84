import { z } from "zod";

/** ISO 3166-1 alpha-2, e.g. `DE`. */
export const countryCode = z.string().regex(/^[A-Z]{2}$/, "must be a country's two capital letters");
/** A name as people write it, in any script. */
export const cityName = z
  .string()
  .max(64)
  .regex(/^\p{L}[\p{L}\p{M} .'’-]*$/u, "must be the name of a city");

/** Where a machine stands, as its owner says it. Nobody looks it up. */
export const location = z.object({ country: countryCode, city: cityName.optional() });
export type Location = z.infer<typeof location>;
