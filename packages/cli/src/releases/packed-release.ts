import { z } from "zod";

/** What is registered with a coordinator, all but the address. */
export const packedRelease = z.object({
  version: z.string(),
  platform: z.string(),
  channel: z.string(),
  bundle_hash: z.string(),
  binary_hash: z.string(),
  signature: z.string(),
});
export type PackedRelease = z.infer<typeof packedRelease>;
