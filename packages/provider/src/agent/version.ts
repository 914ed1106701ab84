import { createRequire } from "node:module";
import { z } from "zod";

/** Version of this package, as it stands in its package.json. */
export const providerVersion = z.object({ version: z.string() }).parse(createRequire(import.meta.url)("../../package.json")).version;
