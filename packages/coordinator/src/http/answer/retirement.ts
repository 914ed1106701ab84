import type { BuildRecord } from "../../catalog/index.js";

/**
 * What an answer says of a model that is to be retired: since when it is deprecated (`Deprecation`, RFC 9745) and from when on it may be gone
 * (`Sunset`, RFC 8594). A name is to be retired when the build is that it stands for.
 */
export function retirementHeaders(build: Pick<BuildRecord, "deprecatedAt" | "deprecationDate"> | undefined): Record<string, string> {
  if (build?.deprecatedAt == null) return {};
  const since_s = Math.floor(build.deprecatedAt.getTime() / 1_000);
  // The day begins at midnight of UTC, as days do everywhere in the catalogue.
  const end = build.deprecationDate === null ? {} : { Sunset: new Date(`${build.deprecationDate}T00:00:00Z`).toUTCString() };
  return { Deprecation: `@${since_s}`, ...end };
}
