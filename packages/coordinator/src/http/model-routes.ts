import type { FastifyRequest } from "fastify";
import type { AliasRecord, BuildRecord } from "../catalog/index.js";
import { modelNotFound } from "../inference/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { modelEntry } from "./model-entry.js";
import type { Route } from "./route.js";

/** What can be asked for, by the names it is asked by. Source: api.md §20. */
export function modelRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { catalog, fleet, ledger } = dependencies;

  async function aliasEntry(alias: AliasRecord): Promise<object> {
    const builds = alias.previous === undefined ? [alias.desired] : [alias.desired, alias.previous];
    return modelEntry({
      id: alias.id,
      displayName: alias.displayName,
      build: alias.desired,
      kind: "alias",
      prices: await ledger.prices(alias.desired.id),
      capacities: builds.map((build) => fleet.capacity(build.id)),
    });
  }

  async function buildEntry(build: BuildRecord): Promise<object> {
    const prices = await ledger.prices(build.id);
    return modelEntry({
      id: build.id,
      displayName: build.displayName,
      build,
      kind: "build",
      prices,
      capacities: [fleet.capacity(build.id)],
    });
  }

  function listedBuilds(request: FastifyRequest): readonly BuildRecord[] {
    if (new URL(request.url, "http://umbel").searchParams.get("include_builds") === "1") return catalog.builds();
    const behindAlias = new Set(catalog.aliases().flatMap(({ desired, previous }) => [desired.id, previous?.id]));
    return catalog.builds().filter((build) => !behindAlias.has(build.id) && fleet.capacity(build.id).providers > 0);
  }

  return [
    {
      method: "GET",
      url: "/v1/models",
      access: "account",
      async handle(request) {
        const aliases = catalog.aliases().map(aliasEntry);
        const builds = listedBuilds(request).map(buildEntry);
        return { object: "list", data: await Promise.all([...aliases, ...builds]) };
      },
    },
    {
      method: "GET",
      url: "/v1/models/*",
      access: "account",
      async handle(request) {
        const name = (request.params as { readonly "*": string })["*"];
        const alias = catalog.aliases().find((candidate) => candidate.id === name);
        if (alias !== undefined) return aliasEntry(alias);
        const build = catalog.builds().find((candidate) => candidate.id === name);
        if (build !== undefined) return buildEntry(build);
        throw modelNotFound(name);
      },
    },
  ];
}
