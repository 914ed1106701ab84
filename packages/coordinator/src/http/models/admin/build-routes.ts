import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { BuildOverview, NewBuild, VersionOverview } from "../../../catalog/index.js";
import { controlBody } from "../../control-body.js";
import type { HttpDependencies } from "../../dependencies.js";
import { PAGE_BY_ID_PARAMETERS, pageById, pageOf } from "../../lists/pages-by-id.js";
import { queryOf } from "../../lists/query.js";
import { actorOf, requireScope } from "../../publishing/index.js";
import type { Route } from "../../route.js";
import { type BuildAction, buildActions, changeOf } from "./build-actions.js";
import { refusable } from "./catalog-refusal.js";
import { modelTable, type RegisterBody, registerBody, updated, versionChange, versionTable } from "./schema.js";

/** Of a registration: its manifest may list thousands of files. Source: catalog.md §5. */
export const REGISTER_BODY_bytes_max = 10 * 1024 * 1024;

const ID = { name: "id", in: "path", description: "Of the build; a slash in it may be written as %2F.", required: true } as const;

/** Builds and their versions, for the operator. Source: catalog.md §5, §6. */
export function buildRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { catalog, checkFiles, verification } = dependencies;
  const actions = buildActions(dependencies);
  const run = async (action: BuildAction, id: string, request: FastifyRequest): Promise<unknown> =>
    refusable(action.run(id, await controlBody(request, action.body, dependencies), actorOf(request)));

  return [
    {
      method: "POST",
      url: "/v1/admin/models/register",
      access: "publishing",
      scope: "register",
      doc: {
        tag: "Catalogue",
        summary: "Register a version of a build",
        description:
          "The files are looked for first: small ones are read and hashed, of others the size is asked for. With `verify` all are read afterwards. Without `promote` nothing changes that consumers see or pay.",
        request: registerBody,
        answer: versionChange,
        errors: [400, 408, 409, 413, 415],
      },
      async handle(request) {
        const body = await controlBody(request, registerBody, dependencies, REGISTER_BODY_bytes_max);
        if (body.promote) requireScope(request, "promote");
        const build = newBuild(body);
        const [problem] = await checkFiles(build.manifest, { origins: body.origins, fileUrls: body.file_urls });
        if (problem !== undefined) throw badFile(problem.path, problem.problem);
        const verify = body.verify === "full";
        const changed = await refusable(catalog.registerVersion(build, { promote: body.promote, verify }, actorOf(request)));
        if (changed.isVerifying) verification.begin();
        return changeOf("registered", build.id, changed);
      },
    },
    {
      method: "GET",
      url: "/v1/admin/models",
      access: "publishing",
      doc: {
        tag: "Catalogue",
        summary: "Every build and version, in service or not",
        parameters: PAGE_BY_ID_PARAMETERS,
        answer: modelTable,
        errors: [400],
      },
      async handle(request) {
        const { rows, next } = pageOf(await catalog.overview(), ({ id }) => id, queryOf(request, z.strictObject(pageById)));
        return { object: "list", data: rows.map(modelRowOf), next };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/models/:id/versions",
      access: "publishing",
      doc: { tag: "Catalogue", summary: "The versions of a build, latest first", parameters: [ID], answer: versionTable, errors: [404] },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        const model = (await catalog.overview()).find((candidate) => candidate.id === id);
        if (model === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no such build", param: "id" });
        return { object: "list", data: model.versions.map(versionRowOf) };
      },
    },
    {
      method: "DELETE",
      url: "/v1/admin/models/:id/versions/:version",
      access: "publishing",
      scope: "register",
      doc: {
        tag: "Catalogue",
        summary: "Remove a version that was never in service",
        parameters: [ID, { name: "version", in: "path", description: "The draft.", required: true }],
        answer: updated,
        errors: [404, 409],
      },
      async handle(request) {
        const { id, version } = request.params as { readonly id: string; readonly version: string };
        await refusable(catalog.removeVersion(id, version, actorOf(request)));
        return { status: "deleted", model: id };
      },
    },
    ...actions.map(
      (action): Route => ({
        method: "POST",
        url: `/v1/admin/models/:id/${action.name}`,
        access: "publishing",
        scope: "promote",
        doc: {
          tag: "Catalogue",
          summary: action.summary,
          parameters: [ID],
          request: action.body,
          answer: action.answer,
          errors: [400, 404, 408, 409, 413, 415],
        },
        handle: (request) => run(action, (request.params as { readonly id: string }).id, request),
      }),
    ),
    {
      // Ids with slashes that nobody has encoded.
      method: "POST",
      url: "/v1/admin/models/*",
      access: "publishing",
      scope: "promote",
      async handle(request) {
        const segments = (request.params as { readonly "*": string })["*"].split("/");
        const name = segments.pop();
        const action = actions.find((candidate) => candidate.name === name);
        if (action !== undefined) return run(action, segments.join("/"), request);
        const message = `there is no such action; use ${actions.map((known) => known.name).join(", ")}`;
        throw new ApiError({ status: 404, code: "not_found", message });
      },
    },
  ];
}

function newBuild(body: RegisterBody): NewBuild {
  const { manifest } = body;
  return {
    id: manifest.model_id,
    displayName: body.display_name ?? manifest.model_id,
    family: body.family ?? manifest.model_id,
    architecture: body.architecture,
    quantization: body.quantization,
    description: body.description,
    license: body.license,
    contextLength_tokens: body.max_context_length,
    maxOutput_tokens: body.max_output_length,
    capabilities: body.capabilities,
    kvBytesPerToken: body.kv_bytes_per_token,
    memory: body.memory && {
      resident_bytes: body.memory.resident_bytes,
      minRam_gb: body.memory.min_ram_gb,
      minVram_gb: body.memory.min_vram_gb,
      ...(body.memory.active_bytes !== undefined && { active_bytes: body.memory.active_bytes }),
    },
    fileFacts: fileFactsOf(body),
    defaults: body.defaults,
    isolation: body.isolation,
    runtimeParameters: body.runtime_parameters,
    metadata: body.metadata,
    weightHash: manifest.aggregate_sha256,
    size_bytes: manifest.total_size_bytes,
    prices: { input_microUsd: BigInt(body.input_price), output_microUsd: BigInt(body.output_price) },
    manifest,
    sources: { origins: body.origins, fileUrls: body.file_urls },
  };
}

function fileFactsOf({ file_facts: told, manifest }: RegisterBody): NewBuild["fileFacts"] {
  if (told === null) return null;
  const { projector } = told;
  if (projector !== undefined && !manifest.files.some(({ path }) => path === projector))
    throw badFile(projector, "it is not in the manifest");
  return {
    parameters: told.parameter_count,
    ...(told.active_parameter_count !== undefined && { activeParameters: told.active_parameter_count }),
    ...(told.train_context_length !== undefined && { trainContext_tokens: told.train_context_length }),
    ...(told.chat_template_sha256 !== undefined && { chatTemplate_sha256: told.chat_template_sha256 }),
    ...(projector !== undefined && { projector }),
  };
}

function badFile(path: string, problem: string): ApiError {
  return new ApiError({ status: 400, code: "invalid_request_error", message: `${path}: ${problem}`, param: "manifest.files" });
}

function modelRowOf({ id, displayName, status, deprecationDate, activeVersion, versions }: BuildOverview) {
  return {
    id,
    display_name: displayName,
    status,
    deprecation_date: deprecationDate,
    active_version: activeVersion,
    versions: versions.map(versionRowOf),
  };
}

function versionRowOf(row: VersionOverview) {
  return {
    version: row.version,
    state: row.state,
    weight_hash: row.weightHash,
    size_bytes: row.size_bytes,
    registered_by: row.registeredBy,
    registered_at: row.registeredAt.toISOString(),
    input_price: Number(row.prices.input_microUsd),
    output_price: Number(row.prices.output_microUsd),
    revoked_reason: row.revokedReason,
    verification: row.verification,
    verification_problem: row.verificationProblem,
  };
}
