import type { Clock } from "@umbel/protocol";
import type { PrefixCacheGrant } from "../pipe-messages.js";
import { DiskPrefixes } from "./disk-prefixes.js";
import { openScratch, scratchFiles } from "./scratch.js";

export interface OpenedPrefixCache {
  readonly prefixes: DiskPrefixes | undefined;
  /** Why there is none although there was to be. */
  readonly refused: string | undefined;
}

export function openPrefixCache(grant: PrefixCacheGrant | undefined, clock: Clock): OpenedPrefixCache {
  if (grant === undefined) return { prefixes: undefined, refused: undefined };
  const [out, back] = scratchFiles(grant);
  try {
    const scratch = { out: openScratch(out), back: openScratch(back) };
    return { prefixes: new DiskPrefixes({ ...grant, scratch, clock }), refused: undefined };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return { prefixes: undefined, refused: `the worker cannot make a file in memory: ${code}` };
  }
}
