import { ApiError } from "@umbel/dialects";
import {
  catalogEntry,
  catalogKeys,
  catalogList,
  type SignedManifest,
  signedManifest,
  WIRE_LIMITS,
  type WithdrawnVersion,
} from "@umbel/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { type BuildRecord, filesPrefix, modelType } from "../../catalog/index.js";
import { isUnchanged, notModified } from "../answer/unchanged.js";
import type { HttpDependencies } from "../dependencies.js";
import { PAGE_BY_ID_PARAMETERS, pageById, pageOf } from "../lists/pages-by-id.js";
import { queryOf } from "../lists/query.js";
import type { Route } from "../route.js";
import { BLOBS_PATH, blobRoute } from "./blob-route.js";
import { aliasOf, entryOf } from "./catalog-entry.js";

const MAX_AGE_s = 60;
const catalogQuery = z.strictObject({
  type: z.enum(["", "text"], { error: "expected text" }).default(""),
  include_aliases: z.string().optional(),
  ...pageById,
});
/** Withdrawn versions that the list names, the latest first: machines that serve one hear of it by themselves as well. */
export const LISTED_WITHDRAWALS_max = 1_000;

/** The catalogue that machines load their models by, open to all. Sources: api.md §20, catalog.md §2 and §12. */
export function catalogRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { catalog, manifests, blobs, settings } = dependencies;

  const buildOf = (request: FastifyRequest): BuildRecord => {
    const build = catalog.build(nameOf(request));
    if (build === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no such build" });
    return build;
  };

  async function placesOf(build: BuildRecord): Promise<Pick<SignedManifest, "origins" | "file_urls">> {
    const { manifest, sources } = build;
    const prefix = filesPrefix(build);
    const here = (await blobs.holds({ ...manifest, prefix })) ? [BLOBS_PATH] : [];
    const origins = [...new Set([...sources.origins, ...settings.modelOrigins, ...here])].slice(0, WIRE_LIMITS.manifestOrigins_max);
    const own = sources.fileUrls;
    if (prefix === manifest.prefix) {
      const file_urls = Object.fromEntries(Object.entries(own).map(([path, urls]) => [path, [...urls]]));
      return { origins, ...(Object.keys(own).length === 0 ? {} : { file_urls }) };
    }
    // Below its own prefix there is nothing: every address is said in full.
    const below = (origin: string, path: string) =>
      `${origin.replace(/\/+$/, "")}/${`${prefix}/${path}`.split("/").map(encodeURIComponent).join("/")}`;
    const urlsOf = (path: string) =>
      [...(own[path] ?? []), ...origins.map((origin) => below(origin, path))].slice(0, WIRE_LIMITS.manifestOrigins_max);
    return { origins: [], file_urls: Object.fromEntries(manifest.files.map(({ path }) => [path, urlsOf(path)])) };
  }

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
          { name: "include_aliases", in: "query", description: "`1` adds the names that stand for the builds of this page" },
          ...PAGE_BY_ID_PARAMETERS,
        ],
        answer: catalogList,
        errors: [400],
      },
      async handle(request, reply) {
        const { type, include_aliases, ...asked } = queryOf(request, catalogQuery);
        const wantsAliases = ["1", "true"].includes(include_aliases ?? "");
        const revision = catalog.revision();
        const state = [revision, type, wantsAliases, asked.limit, encodeURIComponent(asked.after ?? "")].join("-");
        if (isKnown(request, reply, state)) return notModified(reply);
        const listed = catalog.builds().filter((build) => type === "" || modelType(build) !== "embedding");
        const { rows, next } = pageOf(listed, ({ id }) => id, asked);
        const shown = new Set(rows.map(({ id }) => id));
        return {
          revision,
          models: rows.map(entryOf),
          ...(wantsAliases
            ? {
                aliases: catalog
                  .aliases()
                  .filter(({ desired }) => shown.has(desired.id))
                  .map(aliasOf),
              }
            : {}),
          withdrawn: asked.after === undefined ? withdrawn(dependencies) : [],
          next,
        };
      },
    },
    {
      method: "GET",
      url: "/v1/models/catalog/*",
      access: "public",
      doc: { tag: "Models", summary: "One build of the catalogue", answer: catalogEntry, errors: [404] },
      async handle(request, reply) {
        const build = buildOf(request);
        return isKnown(request, reply, String(catalog.revision())) ? notModified(reply) : entryOf(build);
      },
    },
    {
      method: "GET",
      url: "/v1/models/catalog/manifest/*",
      access: "public",
      doc: {
        tag: "Models",
        summary: "The files of a build, signed, and where to fetch them",
        answer: signedManifest,
        errors: [404],
      },
      async handle(request, reply) {
        const build = buildOf(request);
        const places = await placesOf(build);
        const count = places.origins.length + Object.values(places.file_urls ?? {}).flat().length;
        if (isKnown(request, reply, `${catalog.revision()}-${count}`)) return notModified(reply);
        return { ...build.manifest, signature: await manifests.sign(build.manifest), ...places };
      },
    },
    {
      method: "GET",
      url: "/v1/catalog/keys",
      access: "public",
      doc: { tag: "Models", summary: "Who signs manifests", answer: catalogKeys },
      async handle(_request, reply) {
        reply.header("Cache-Control", `public, max-age=${MAX_AGE_s}`);
        return manifests.keys;
      },
    },
    blobRoute(dependencies),
  ];
}

function withdrawn({ catalog }: HttpDependencies): WithdrawnVersion[] {
  return catalog
    .withdrawn()
    .slice(0, LISTED_WITHDRAWALS_max)
    .map(({ modelId, version, weightHash, kind, at }) => ({
      model_id: modelId,
      version,
      weight_hash: weightHash,
      reason: kind,
      withdrawn_at: at.toISOString(),
    }));
}

/** Answers' validators follow the catalogue's revision, which is in the database and so the same after a restart. */
function isKnown(request: FastifyRequest, reply: FastifyReply, state: string): boolean {
  reply.header("Cache-Control", `public, max-age=${MAX_AGE_s}`);
  return isUnchanged(request, reply, `W/"${state}"`);
}

function nameOf({ params }: FastifyRequest): string {
  return typeof params === "object" && params !== null && "*" in params ? String(params["*"]) : "";
}
