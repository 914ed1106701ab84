import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import type { AliasRecord, NewAlias } from "../../../catalog/index.js";
import { controlBody } from "../../control-body.js";
import type { HttpDependencies } from "../../dependencies.js";
import { PAGE_BY_ID_PARAMETERS, pageById, pageOf } from "../../lists/pages-by-id.js";
import { queryOf } from "../../lists/query.js";
import { actorOf } from "../../publishing/index.js";
import type { Route } from "../../route.js";
import { refusable } from "./catalog-refusal.js";
import { type AliasBody, type AliasRow, aliasAnswer, aliasBody, aliasDeleted, aliasTable, nothingBody } from "./schema.js";

const ID = { name: "id", in: "path", description: "The name.", required: true } as const;

/** Names that stand for builds, and how far each has moved from one to the next. Source: catalog.md §8, §9. */
export function aliasRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { catalog } = dependencies;

  function answerOf(id: string) {
    const alias = catalog.aliases().find((candidate) => candidate.id === id);
    if (alias === undefined) throw new ApiError({ status: 404, code: "not_found", message: "there is no such name", param: "id" });
    return { status: "ok", alias: rowOf(alias, dependencies), warnings: warningsOf(alias) };
  }

  return [
    {
      method: "GET",
      url: "/v1/admin/models/aliases",
      access: "publishing",
      doc: {
        tag: "Catalogue",
        summary: "Names that stand for builds, and how their rollouts go",
        parameters: PAGE_BY_ID_PARAMETERS,
        answer: aliasTable,
        errors: [400],
      },
      async handle(request) {
        const { rows, next } = pageOf(catalog.aliases(), ({ id }) => id, queryOf(request, z.strictObject(pageById)));
        return { object: "list", data: rows.map((alias) => rowOf(alias, dependencies)), next };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/models/aliases",
      access: "publishing",
      scope: "alias",
      doc: {
        tag: "Catalogue",
        summary: "Let a name stand for a build",
        request: aliasBody,
        answer: aliasAnswer,
        errors: [400, 408, 409, 413, 415],
      },
      async handle(request) {
        const body = await controlBody(request, aliasBody, dependencies);
        await refusable(catalog.putAlias(newAlias(body), actorOf(request)));
        return answerOf(body.alias_id);
      },
    },
    {
      method: "POST",
      url: "/v1/admin/models/aliases/:id/rollback",
      access: "publishing",
      scope: "alias",
      doc: {
        tag: "Catalogue",
        summary: "Let a name stand for the build before, at once",
        parameters: [ID],
        request: nothingBody,
        answer: aliasAnswer,
        errors: [400, 404, 409],
      },
      async handle(request) {
        await controlBody(request, nothingBody, dependencies);
        const { id } = request.params as { readonly id: string };
        await refusable(catalog.rollbackAlias(id, actorOf(request)));
        return answerOf(id);
      },
    },
    {
      method: "DELETE",
      url: "/v1/admin/models/aliases/:id",
      access: "publishing",
      scope: "alias",
      doc: { tag: "Catalogue", summary: "Take a name away", parameters: [ID], answer: aliasDeleted, errors: [404] },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        await refusable(catalog.deleteAlias(id, actorOf(request)));
        return { status: "deleted", id };
      },
    },
  ];
}

function newAlias(body: AliasBody): NewAlias {
  return {
    id: body.alias_id,
    displayName: body.display_name ?? body.alias_id,
    desired: body.desired_build,
    ...(body.desired_version === undefined ? {} : { desiredVersion: body.desired_version }),
    ...(body.previous_build === undefined ? {} : { previous: body.previous_build }),
    ...(body.previous_version === undefined ? {} : { previousVersion: body.previous_version }),
    desiredShare_percent: body.desired_share,
    wave_percent: body.wave,
    minDesiredProviders: body.min_desired_providers,
    takeover: body.takeover,
    ...(body.expected_updated_at === undefined ? {} : { expectedUpdatedAt: new Date(body.expected_updated_at) }),
  };
}

function rowOf(alias: AliasRecord, { fleet }: Pick<HttpDependencies, "fleet">): AliasRow {
  const memberOf = (build: string) => {
    const { providers: machines, routableProviders: routable, warmProviders: warm } = fleet.capacity(build);
    return { build, machines, routable, warm };
  };
  const desired = memberOf(alias.desired.id);
  const previous = alias.previous === undefined ? null : memberOf(alias.previous.id);
  return {
    id: alias.id,
    display_name: alias.displayName,
    desired,
    previous,
    retired_builds: [...alias.retired],
    desired_share: alias.desiredShare_percent,
    wave: alias.wave_percent,
    min_desired_providers: alias.minDesiredProviders,
    converged: desired.machines > 0 && (previous === null || previous.machines === 0),
    updated_at: alias.updatedAt.toISOString(),
  };
}

function warningsOf({ desired, previous }: AliasRecord): string[] {
  if (previous === undefined) return [];
  const isSamePrice =
    desired.prices.input_microUsd === previous.prices.input_microUsd && desired.prices.output_microUsd === previous.prices.output_microUsd;
  return isSamePrice ? [] : [`${desired.id} and ${previous.id} have different prices: a request costs what the build that served it costs`];
}
