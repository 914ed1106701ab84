import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { type AliasRecord, type BuildRecord, modelType } from "../../catalog/index.js";
import { notInCatalog } from "../../inference/index.js";
import { unlessKnown } from "../answer/unchanged.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { anthropicForm, anthropicPageOf } from "./anthropic-page.js";
import { capacityRoute } from "./capacity-route.js";
import { catalogRoutes } from "./catalog-routes.js";
import { modelEntry } from "./model-entry.js";
import { aggregatedList, anthropicModel, anthropicPage, type ModelObject, modelList, modelObject } from "./model-schema.js";

const ANTHROPIC = "With the header `anthropic-version` the answer has Anthropic's form.";

/** What can be asked for, by the names it is asked by. Source: api.md §20. */
export function modelRoutes(dependencies: HttpDependencies, isDraining: () => boolean): readonly Route[] {
  const { catalog, fleet, ledger } = dependencies;

  async function aliasEntry(alias: AliasRecord): Promise<ModelObject> {
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

  async function buildEntry(build: BuildRecord): Promise<ModelObject> {
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

  function unaliased(): readonly BuildRecord[] {
    const behindAlias = new Set(
      catalog.aliases().flatMap(({ id, desired, previous, retired }) => [id, desired.id, previous?.id, ...retired]),
    );
    return catalog.builds().filter((build) => !behindAlias.has(build.id));
  }

  async function listed(query: URLSearchParams): Promise<ModelObject[]> {
    const offered = () => unaliased().filter((build) => fleet.capacity(build.id).providers > 0);
    const builds = query.get("include_builds") === "1" ? catalog.builds() : offered();
    return Promise.all([...catalog.aliases().map(aliasEntry), ...builds.map(buildEntry)]);
  }

  /** By the catalogue and not by who is connected: a restart must not take a model off an aggregator's list. */
  async function aggregated() {
    const aliases = catalog.aliases().filter(({ desired }) => modelType(desired) !== "embedding");
    const builds = unaliased().filter((build) => modelType(build) !== "embedding");
    const countries = [...new Set(fleet.publicLocations().map(({ country }) => country))].sort();
    const datacenters = countries.map((country_code) => ({ country_code }));
    return Promise.all([
      ...[...aliases].sort(byId).map(async (alias) => ({ ...aggregatorEntry(await aliasEntry(alias), alias.desired), datacenters })),
      ...[...builds].sort(byId).map(async (build) => ({ ...aggregatorEntry(await buildEntry(build), build), datacenters })),
    ]);
  }

  return [
    {
      method: "GET",
      url: "/v1/models",
      access: "account",
      apiKeyHeader: true,
      doc: {
        tag: "Models",
        summary: "Models that can be asked",
        description: ANTHROPIC,
        parameters: [
          { name: "include_builds", in: "query", description: "`1` lists every build, also those behind an alias" },
          { name: "limit", in: "query", description: "In Anthropic's form: entries of a page" },
          { name: "after_id", in: "query", description: "In Anthropic's form: the page after this one" },
          { name: "before_id", in: "query", description: "In Anthropic's form: the page before this one" },
        ],
        answer: z.union([modelList, anthropicPage]),
      },
      async handle(request, reply) {
        const query = new URL(request.url, "http://umbel").searchParams;
        const models = await listed(query);
        return unlessKnown(request, reply, speaksAnthropic(request) ? anthropicPageOf(models, query) : { object: "list", data: models });
      },
    },
    {
      method: "GET",
      url: "/v1/models/openrouter",
      access: "account",
      doc: { tag: "Models", summary: "The listing that aggregators read", answer: aggregatedList },
      handle: async (request, reply) => unlessKnown(request, reply, { data: await aggregated() }),
    },
    capacityRoute(dependencies, isDraining),
    ...catalogRoutes(dependencies),
    {
      method: "GET",
      url: "/v1/models/*",
      access: "account",
      apiKeyHeader: true,
      doc: {
        tag: "Models",
        summary: "One model",
        description: ANTHROPIC,
        answer: z.union([modelObject, anthropicModel]),
        errors: [404],
      },
      async handle(request, reply) {
        const name = (request.params as { readonly "*": string })["*"];
        const alias = catalog.aliases().find((candidate) => candidate.id === name);
        const build = catalog.builds().find((candidate) => candidate.id === name);
        const entry = alias !== undefined ? await aliasEntry(alias) : build !== undefined ? await buildEntry(build) : undefined;
        if (entry === undefined) throw notInCatalog(name, catalog);
        return unlessKnown(request, reply, speaksAnthropic(request) ? anthropicForm(entry) : entry);
      },
    },
  ];
}

/** As an aggregator lists it; what it is told of the build is in the catalogue's metadata. Source: catalog.md §14. */
function aggregatorEntry({ object: _o, owned_by: _b, metadata: _m, quantization, ...entry }: ModelObject, { metadata }: BuildRecord) {
  const { hugging_face_id = "", openrouter_slug = entry.id, openrouter_is_ready, openrouter_staged = false } = metadata;
  const is_ready = typeof openrouter_is_ready === "boolean" ? openrouter_is_ready : openrouter_staged !== true;
  return {
    ...entry,
    quantization: quantization ?? null,
    hugging_face_id: String(hugging_face_id),
    is_ready,
    openrouter: { slug: String(openrouter_slug) },
  };
}

function speaksAnthropic({ headers }: FastifyRequest): boolean {
  return headers["anthropic-version"] !== undefined;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
