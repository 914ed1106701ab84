import { ApiError } from "@umbel/dialects";
import { manifest } from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type BuildRecord, modelType } from "../../catalog/index.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { type CatalogEntry, catalogEntry, catalogList } from "./model-schema.js";

const MAX_AGE_s = 60;
const GB_bytes = 1e9;

/** The catalogue that machines load their models by, open to all. Sources: api.md §20, catalog.md §2. */
export function catalogRoutes({ catalog }: HttpDependencies): readonly Route[] {
  const buildOf = (request: FastifyRequest): BuildRecord => {
    const build = catalog.builds().find(({ id }) => id === nameOf(request));
    if (build === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no such build" });
    return build;
  };
  return [
    {
      method: "GET",
      url: "/v1/models/catalog",
      access: "public",
      doc: {
        tag: "Models",
        summary: "Every build of the catalogue",
        parameters: [
          { name: "type", in: "query", description: "`text` leaves out models that make vectors" },
          { name: "include_aliases", in: "query", description: "`1` adds the names that stand for builds" },
        ],
        answer: catalogList,
        errors: [400],
      },
      async handle(request, reply) {
        const query = new URL(request.url, "http://umbel").searchParams;
        const type = query.get("type");
        if (type !== null && type !== "text") {
          throw new ApiError({ status: 400, code: "invalid_request_error", message: "type: expected text", param: "type" });
        }
        const listed = catalog.builds().filter((build) => type === null || modelType(build) !== "embedding");
        const aliases = catalog.aliases().map(({ id, displayName, desired, previous }) => ({
          id,
          display_name: displayName,
          desired: desired.id,
          previous: previous?.id ?? null,
        }));
        const wantsAliases = ["1", "true"].includes(query.get("include_aliases") ?? "");
        reply.header("Cache-Control", `public, max-age=${MAX_AGE_s}`);
        return { models: listed.map(entryOf), ...(wantsAliases ? { aliases } : {}) };
      },
    },
    {
      method: "GET",
      url: "/v1/models/catalog/*",
      access: "public",
      doc: { tag: "Models", summary: "One build of the catalogue", answer: catalogEntry, errors: [404] },
      handle: async (request) => entryOf(buildOf(request)),
    },
    {
      method: "GET",
      url: "/v1/models/catalog/manifest/*",
      access: "public",
      doc: { tag: "Models", summary: "The files of a build, with their hashes", answer: manifest, errors: [404] },
      async handle(request, reply) {
        const build = buildOf(request);
        const etag = `"${build.weightHash}"`;
        reply.headers({ ETag: etag, "Cache-Control": `public, max-age=${MAX_AGE_s}` });
        return request.headers["if-none-match"] === etag ? notModified(reply) : build.manifest;
      },
    },
  ];
}

function notModified(reply: FastifyReply): FastifyReply {
  return reply.status(304).send();
}

function nameOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "*" in params ? String(params["*"]) : "";
}

function entryOf(build: BuildRecord): CatalogEntry {
  const { manifest: files } = build;
  return {
    id: build.id,
    display_name: build.displayName,
    model_type: modelType(build) === "embedding" ? "embedding" : "text",
    family: build.family,
    architecture: build.architecture,
    quantization: build.quantization,
    description: build.description,
    license: build.license,
    capabilities: [...build.capabilities],
    max_context_length: build.contextLength_tokens,
    max_output_length: build.maxOutput_tokens,
    weight_hash: build.weightHash,
    version: files.version,
    total_size_bytes: files.total_size_bytes,
    size_gb: files.total_size_bytes / GB_bytes,
    file_count: files.file_count,
    created: Math.floor(build.createdAt.getTime() / 1_000),
  };
}
