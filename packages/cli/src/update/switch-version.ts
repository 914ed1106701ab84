import type { InstallationPlaces } from "./layout.js";
import { readPointer, writePointer } from "./pointer.js";

/** Starts the provider that the pointer names now. @returns why it is not as it should be; undefined when all is well */
export type StartAgain = (version: string) => Promise<string | undefined>;

export type Switched =
  /** It is kept, and runs if anything does. */
  | { readonly kind: "kept" }
  /** Nothing runs: it is tried at the next start. */
  | { readonly kind: "next_start" }
  /** It did not come up, and the version before was put back; `stillDown` is why that does not come up either. */
  | { readonly kind: "rolled_back"; readonly why: string; readonly stillDown: string | undefined };

/**
 * Puts a version in the place of the one that runs, and puts that back when it does not come up. Should this process end in between, the
 * launcher counts starts and goes back by itself.
 *
 * @param startAgain absent where no provider runs that could be started again
 */
export async function switchVersion(
  places: InstallationPlaces,
  version: string,
  { startAgain, now }: { readonly startAgain: StartAgain | undefined; readonly now: () => Date },
): Promise<Switched> {
  const before = await readPointer(places);
  const tried = { version, previous: before.version, state: "trying", starts: 0, failed: before.failed } as const;
  await writePointer(places, tried);
  if (startAgain === undefined) return { kind: "next_start" };
  const why = await startAgain(version);
  if (why === undefined) {
    await writePointer(places, { ...tried, state: "kept" });
    return { kind: "kept" };
  }
  await writePointer(places, { ...before, state: "kept", starts: 0, failed: { version, why, at: now().toISOString() } });
  return { kind: "rolled_back", why, stillDown: await startAgain(before.version) };
}
