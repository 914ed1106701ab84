import { ApiError } from "@umbel/dialects";
import {
  type CatalogKeys,
  isFileAddress,
  RELEASE_VERSION,
  type ReleaseRecord,
  releaseRecord,
  SignatureError,
  verifyRelease,
} from "@umbel/protocol";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Releases } from "../../catalog/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { nextId, PAGE_BY_ID_PARAMETERS, pageById, pageOf } from "../lists/pages-by-id.js";
import { queryOf } from "../lists/query.js";
import { actorOf } from "../publishing/index.js";
import type { Route } from "../route.js";

const version = z.string().regex(RELEASE_VERSION, { error: "must be a version such as 1.2.3 or 1.2.3-rc.1" });
const platform = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, { error: "must be a platform such as linux-x64" });
const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, { error: "must be 64 hex digits" })
  .transform((hash) => hash.toLowerCase());

const releaseBody = z.strictObject({
  version,
  platform,
  channel: z.enum(["stable", "beta"]).default("stable"),
  url: z
    .string()
    .max(2_048)
    .refine(isFileAddress, { error: "must be an https address without credentials, query or fragment" })
    .describe("Of the archive; it is fetched and hashed before the release is offered."),
  bundle_hash: sha256.describe("SHA-256 of the archive."),
  binary_hash: sha256.describe("Aggregate hash over the files in it, taken after signing."),
  signature: z
    .string()
    .min(1)
    .max(16_384)
    .nullable()
    .default(null)
    .describe("By the key that makes releases; machines that update themselves take no other."),
  changelog: z.string().max(16_384).default(""),
  rollout: z.int().min(0).max(100).default(100).describe("Percentage of machines that are offered it."),
});
const withdrawBody = z.strictObject({
  version,
  platform,
  force: z.boolean().default(false).describe("Also while machines run it that would be left without requests."),
});
const latestQuery = z.strictObject({
  platform,
  channel: z.enum(["stable", "beta"]).default("stable"),
  device: z.string().min(1).max(256).optional(),
});

const versionQuery = z.strictObject({ platform });

const releaseRegistered = z.object({ status: z.literal("release_registered"), release: releaseRecord });
const releaseWithdrawn = z.object({ status: z.literal("release_withdrawn"), version: z.string(), platform: z.string() });
const releaseTable = z.object({ object: z.literal("list"), data: z.array(releaseRecord), next: nextId });
/** What older programs ask for. Source: catalog.md §20.2. */
const versionAnswer = z.object({
  version: z.string(),
  platform: z.string(),
  backend: z.literal("llama.cpp"),
  download_url: z.string(),
  binary_hash: z.string(),
  bundle_hash: z.string(),
  changelog: z.string(),
});
/** What the provider program may be. Source: catalog.md §21. */
const runtimeManifest = z.object({
  configured: z.boolean().describe("Some release is offered, so that there is something to hold a machine to."),
  binary_hashes: z
    .record(z.string(), z.array(z.string()))
    .describe("Aggregate hashes over the files of every release that is offered, by platform."),
  versions: z.record(z.string(), z.array(z.string())).describe("Versions of these, by platform."),
});

/** Releases of the provider program. Source: catalog.md §20. */
export function releaseRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { releases, checkBundle, releaseSigners, clock, fleet, settings } = dependencies;

  /** Where programs are held to the releases, machines that run a withdrawn one get no requests. @throws ApiError */
  async function refuseInUse({ version, platform }: { readonly version: string; readonly platform: string }): Promise<void> {
    if (settings.runtimeCheck !== "enforce") return;
    const offered = (await releases.all()).filter(({ active }) => active);
    const isNamed = (row: (typeof offered)[number]): boolean => row.version === version && row.platform === platform;
    const hash = offered.find(isNamed)?.binaryHash;
    const isOfferedElse = offered.some((row) => row.binaryHash === hash && !isNamed(row));
    const running = fleet.programs().filter((program) => program.hash !== undefined && program.hash === hash).length;
    if (running === 0 || isOfferedElse) return;
    const message = `${running === 1 ? "a connected machine runs" : `${running} connected machines run`} it and would get no requests; force it, or let them update first`;
    throw new ApiError({ status: 409, code: "release_in_use", message, param: "version" });
  }

  return [
    {
      method: "POST",
      url: "/v1/releases",
      access: "release",
      scope: "release",
      doc: {
        tag: "Catalogue",
        summary: "Register a release of the provider program",
        request: releaseBody,
        answer: releaseRegistered,
        errors: [400, 408, 413, 415],
      },
      async handle(request) {
        const {
          bundle_hash: bundleHash,
          binary_hash: binaryHash,
          rollout: rollout_percent,
          ...body
        } = await controlBody(request, releaseBody, dependencies);
        const release = { ...body, bundleHash, binaryHash, rollout_percent };
        if (releaseSigners !== undefined)
          await assertSigned(releaseSigners, objectOf({ ...release, active: true, createdAt: clock.date() }));
        const problem = await checkBundle({ url: body.url, bundleHash });
        if (problem !== undefined) throw new ApiError({ status: 400, code: "invalid_request_error", message: problem, param: "url" });
        return { status: "release_registered", release: objectOf(await releases.register(release, releaserOf(request))) };
      },
    },
    {
      method: "GET",
      url: "/v1/releases/latest",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "The release that a machine should run",
        parameters: [
          { name: "platform", in: "query", description: "Such as linux-x64.", required: true },
          { name: "channel", in: "query", description: "stable, or beta, which is offered stable releases, too." },
          {
            name: "device",
            in: "query",
            description: "Id of the machine, whose turn it may be; without it only what everybody is offered.",
          },
        ],
        answer: releaseRecord,
        errors: [400, 404],
      },
      async handle(request, reply) {
        const { device, ...asked } = queryOf(request, latestQuery);
        const release = await releases.latest(device === undefined ? asked : { ...asked, device });
        if (release === undefined)
          throw new ApiError({ status: 404, code: "not_found", message: "no release is offered for this platform" });
        // What is withdrawn must be gone at once.
        reply.header("Cache-Control", "no-cache");
        return objectOf(release);
      },
    },
    {
      method: "GET",
      url: "/v1/releases/:version",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "One release, for who asks for that very one",
        parameters: [
          { name: "version", in: "path", description: "Such as 1.2.3.", required: true },
          { name: "platform", in: "query", description: "Such as linux-x64.", required: true },
        ],
        answer: releaseRecord,
        errors: [400, 404],
      },
      async handle(request, reply) {
        const { version: asked } = request.params as { readonly version: string };
        const release = await releases.offered({ version: asked, ...queryOf(request, versionQuery) });
        if (release === undefined) throw new ApiError({ status: 404, code: "not_found", message: "no such release is offered" });
        reply.header("Cache-Control", "no-cache");
        return objectOf(release);
      },
    },
    {
      method: "GET",
      url: "/api/version",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "The release that everybody on a platform is offered, in few words",
        parameters: [
          { name: "platform", in: "query", description: "Such as linux-x64.", required: true },
          { name: "channel", in: "query", description: "stable, or beta, which is offered stable releases, too." },
        ],
        answer: versionAnswer,
        errors: [400, 404],
      },
      async handle(request, reply) {
        const release = await releases.latest(queryOf(request, latestQuery.omit({ device: true })));
        if (release === undefined)
          throw new ApiError({ status: 404, code: "not_found", message: "no release is offered for this platform" });
        reply.header("Cache-Control", "no-cache");
        const { version, platform, url: download_url, binaryHash, bundleHash, changelog } = release;
        return {
          ...{ version, platform, backend: "llama.cpp", download_url },
          binary_hash: binaryHash,
          bundle_hash: bundleHash,
          changelog,
        };
      },
    },
    {
      method: "GET",
      url: "/v1/runtime/manifest",
      access: "public",
      doc: { tag: "Machines", summary: "What the provider program may be", answer: runtimeManifest },
      async handle(_request, reply) {
        const offered = (await releases.all()).filter(({ active }) => active);
        const byPlatform = (of: (row: (typeof offered)[number]) => string) => {
          const sets = new Map<string, Set<string>>();
          for (const row of offered) sets.set(row.platform, (sets.get(row.platform) ?? new Set()).add(of(row)));
          return Object.fromEntries([...sets].map(([platform, values]) => [platform, [...values].sort()]));
        };
        reply.header("Cache-Control", "no-cache");
        return {
          configured: offered.length > 0,
          binary_hashes: byPlatform(({ binaryHash }) => binaryHash),
          versions: byPlatform(({ version }) => version),
        };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/releases",
      access: "admin",
      doc: {
        tag: "Catalogue",
        summary: "Every release, offered or not",
        parameters: PAGE_BY_ID_PARAMETERS,
        answer: releaseTable,
        errors: [400],
      },
      async handle(request) {
        const asked = queryOf(request, z.strictObject(pageById));
        const { rows, next } = pageOf(await releases.all(), ({ version, platform }) => `${version} ${platform}`, asked);
        return { object: "list", data: rows.map(objectOf), next };
      },
    },
    {
      method: "DELETE",
      url: "/v1/admin/releases",
      access: "admin",
      doc: {
        tag: "Catalogue",
        summary: "Offer a release no more",
        request: withdrawBody,
        answer: releaseWithdrawn,
        errors: [400, 404, 408, 409, 413, 415],
      },
      async handle(request) {
        const { force, ...named } = await controlBody(request, withdrawBody, dependencies);
        if (!force) await refuseInUse(named);
        const isKnown = await releases.withdraw(named, releaserOf(request));
        if (!isKnown) throw new ApiError({ status: 404, code: "not_found", message: "there is no such release" });
        return { status: "release_withdrawn", ...named };
      },
    },
  ];
}

/** What no machine would take is not offered to any. */
async function assertSigned({ keys }: CatalogKeys, record: ReleaseRecord): Promise<void> {
  try {
    await verifyRelease(
      keys.map(({ jwk }) => jwk),
      record,
    );
  } catch (error) {
    if (!(error instanceof SignatureError)) throw error;
    const why = error.code === "signature" ? "is not by a key of UMBEL_RELEASE_SIGNERS" : `does not fit the release (${error.code})`;
    throw new ApiError({ status: 400, code: "invalid_request_error", message: `the signature ${why}`, param: "signature" });
  }
}

/** Whose change it is: an account, a publishing key, or whoever holds the operator's or the release key. */
function releaserOf(request: FastifyRequest): string {
  const { publisher, principal } = request.exchange;
  return publisher === undefined && principal === undefined ? "key" : actorOf(request);
}

function objectOf(row: Awaited<ReturnType<Releases["all"]>>[number]): ReleaseRecord {
  const { bundleHash, binaryHash, rollout_percent, createdAt, ...rest } = row;
  return { ...rest, bundle_hash: bundleHash, binary_hash: binaryHash, rollout: rollout_percent, created_at: createdAt.toISOString() };
}
