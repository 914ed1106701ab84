import type { FleetIndex, ProviderView, RoutingContext } from "@umbel/routing";

/** Between two times that one machine's own reports move it in the index (routing.md §22). */
export const REINDEX_INTERVAL_MS = 50;

/** The index of a fleet that a burst of one machine's reports moves once. */
export interface CoalescedIndex extends FleetIndex {
  /**
   * As `set`, for what a machine says of itself. Within `REINDEX_INTERVAL_MS` of the last time that the machine was moved, the view waits until
   * it is asked for, or a later one takes its place.
   */
  report(view: ProviderView, context: RoutingContext): void;
}

/**
 * A view that waits costs nothing, and nobody sees the one before it: whoever asks of a build has the views entered first that wait and offer
 * it, or offered it before. So what a machine looked like a moment ago is never what it is chosen by.
 */
export function coalesced(index: FleetIndex): CoalescedIndex {
  const waiting = new Map<string, { readonly view: ProviderView; readonly context: RoutingContext }>();
  const moved_ms = new Map<string, number>();

  function set(view: ProviderView, context: RoutingContext): void {
    waiting.delete(view.id);
    moved_ms.set(view.id, context.now_ms);
    index.set(view, context);
  }

  function enter(build: string): void {
    for (const [id, { view, context }] of waiting) {
      if (view.builds.has(build) || index.get(id)?.builds.has(build) === true) set(view, context);
    }
  }

  return {
    get size() {
      return index.size;
    },
    set,
    report(view, context) {
      const last_ms = moved_ms.get(view.id) ?? Number.NEGATIVE_INFINITY;
      if (context.now_ms - last_ms < REINDEX_INTERVAL_MS) waiting.set(view.id, { view, context });
      else set(view, context);
    },
    remove(providerId) {
      waiting.delete(providerId);
      moved_ms.delete(providerId);
      index.remove(providerId);
    },
    get: (providerId) => waiting.get(providerId)?.view ?? index.get(providerId),
    views(build) {
      enter(build);
      return index.views(build);
    },
    engaged(build) {
      enter(build);
      return index.engaged(build);
    },
    select(spec, context, profile) {
      enter(spec.build);
      return index.select(spec, context, profile);
    },
    someone(profile, spec, context, suits) {
      enter(spec.build);
      return index.someone(profile, spec, context, suits);
    },
  };
}
