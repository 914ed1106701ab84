import { isVersionAtLeast } from "@umbel/routing";
import { z } from "zod";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { queryOf } from "../lists/query.js";
import { actorOf } from "../publishing/index.js";
import type { Route } from "../route.js";

const floor = z
  .string()
  .max(64)
  .regex(/^(?:\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)?$/, { error: "must be a version such as 1.4.0, or empty for any" });
const count = z.int().nonnegative();

const floorQuery = z.strictObject({ min_version: floor.optional() });
const floorBody = z.strictObject({ min_version: floor.nullable().describe("Empty is any; null goes back to UMBEL_MIN_PROVIDER_VERSION.") });
export const floorObject = z.object({
  min_version: z.string().describe("Oldest version of the provider program that gets requests; empty is any."),
  from: z.enum(["operator", "setting"]),
  set_by: z.string().nullable(),
  set_at: z.iso.datetime().nullable(),
  connected: count.describe("Machines that are connected to this coordinator."),
  excluded: count.describe("Of these, machines that are older; with `min_version` in the query, those that would be."),
  versions: z.record(z.string(), count).describe("Connected machines by version."),
  runtime_check: z
    .enum(["off", "report", "enforce"])
    .describe("What follows where a machine's program is none of the releases (UMBEL_RUNTIME_CHECK)."),
  unknown_programs: count.describe("Connected machines whose program is none of them: what `enforce` leaves without requests."),
});

/** The oldest provider version that gets requests, and whom another would leave out. Source: catalog.md §20.3, §21. */
export function versionFloorRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { fleet, versionFloor, settings } = dependencies;

  function answer(asked?: string) {
    const { version, from, setBy, setAt } = versionFloor.stated();
    const versions = fleet.programs().map((program) => program.version);
    return {
      ...{ min_version: version, from, set_by: setBy ?? null, set_at: setAt?.toISOString() ?? null },
      connected: versions.length,
      excluded: versions.filter((running) => !isVersionAtLeast(running, asked ?? version)).length,
      versions: Object.fromEntries([...new Set(versions)].sort().map((one) => [one, versions.filter((running) => running === one).length])),
      ...{ runtime_check: settings.runtimeCheck, unknown_programs: fleet.unknownRuntimes() },
    };
  }

  return [
    {
      method: "GET",
      url: "/v1/admin/providers/floor",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "The oldest provider version that gets requests, and how many machines another would leave out",
        parameters: [
          { name: "min_version", in: "query", description: "Count the machines that this one would leave out, and change nothing." },
        ],
        answer: floorObject,
        errors: [400],
      },
      handle: async (request) => answer(queryOf(request, floorQuery).min_version),
    },
    {
      method: "PUT",
      url: "/v1/admin/providers/floor",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Say which is the oldest provider version that gets requests",
        request: floorBody,
        answer: floorObject,
        errors: [400, 408, 413, 415],
      },
      async handle(request) {
        const { min_version } = await controlBody(request, floorBody, dependencies);
        await versionFloor.set(min_version ?? undefined, actorOf(request));
        return answer();
      },
    },
  ];
}
