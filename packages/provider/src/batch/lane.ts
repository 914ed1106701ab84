/** Requests of one account wait for each other, whatever their scopes: its part of a scope stands before the first dot. */
export function laneOf(cacheScope: string | undefined): string {
  return cacheScope?.split(".", 1)[0] ?? "";
}
