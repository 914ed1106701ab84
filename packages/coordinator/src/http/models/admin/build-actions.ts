import type { z } from "zod";
import type { ChangedVersion } from "../../../catalog/index.js";
import type { HttpDependencies } from "../../dependencies.js";
import {
  capabilitiesBody,
  deprecationBody,
  nothingBody,
  priceBody,
  promoteBody,
  revokeBody,
  runtimeParametersBody,
  slugBody,
  statusBody,
  updated,
  versionChange,
} from "./schema.js";

/** Something that is done to a build: `POST /v1/admin/models/{id}/{name}`. */
export interface BuildAction {
  readonly name: string;
  readonly summary: string;
  readonly body: z.ZodType;
  readonly answer: z.ZodType;
  /** @param body parsed by `body` */
  run(id: string, body: unknown, actor: string): Promise<unknown>;
}

/** A body's type follows from its schema, which the list of actions cannot say. */
function action<Body extends z.ZodType>(
  description: Omit<BuildAction, "body" | "run"> & {
    readonly body: Body;
    run(id: string, body: z.output<Body>, actor: string): Promise<unknown>;
  },
): BuildAction {
  return { ...description, run: (id, body, actor) => description.run(id, body as z.output<Body>, actor) };
}

export function buildActions({ catalog }: Pick<HttpDependencies, "catalog">): readonly BuildAction[] {
  return [
    action({
      name: "promote",
      summary: "Put a version of a build into service",
      body: promoteBody,
      answer: versionChange,
      run: async (id, { version }, actor) => promoted(id, await catalog.promote(id, version, actor)),
    }),
    action({
      name: "rollback",
      summary: "Put the version into service that was there before",
      body: nothingBody,
      answer: versionChange,
      run: async (id, _body, actor) => promoted(id, await catalog.rollback(id, actor)),
    }),
    action({
      name: "status",
      summary: "Say how a build stands; retired is out of service",
      body: statusBody,
      answer: updated,
      run: async (id, { status }, actor) => done(id, catalog.setStatus(id, status, actor)),
    }),
    action({
      name: "deprecation",
      summary: "Say on which day a build is to be retired",
      body: deprecationBody,
      answer: updated,
      run: async (id, { deprecation_date: date }, actor) => done(id, catalog.setDeprecationDate(id, date === "" ? null : date, actor)),
    }),
    action({
      name: "capabilities",
      summary: "Replace what a build is said to be able to do",
      body: capabilitiesBody,
      answer: updated,
      run: async (id, { capabilities }, actor) => done(id, catalog.setCapabilities(id, capabilities, actor)),
    }),
    action({
      name: "runtime-parameters",
      summary: "Set what goes with requests for a build",
      body: runtimeParametersBody,
      answer: updated,
      run: async (model, { runtime_parameters: asked }, actor) => ({
        ...{ status: "updated", model },
        runtime_parameters: await catalog.setRuntimeParameters(model, asked, actor),
      }),
    }),
    action({
      name: "openrouter-slug",
      summary: "Say what OpenRouter calls a build",
      body: slugBody,
      answer: updated,
      run: async (model, { slug }, actor) => ({
        ...{ status: "updated", model },
        metadata: await catalog.setMetadata(model, { openrouter_slug: slug === "" ? null : slug }, actor),
      }),
    }),
    action({
      name: "price",
      summary: "Set the list price of a build",
      body: priceBody,
      answer: updated,
      run: async (id, { input_price, output_price }, actor) =>
        done(id, catalog.setPrices(id, { input_microUsd: BigInt(input_price), output_microUsd: BigInt(output_price) }, actor)),
    }),
    action({
      name: "revoke",
      summary: "Take a version whose files are not to be trusted out of service, for good",
      body: revokeBody,
      answer: updated,
      run: async (id, { version, reason }, actor) => done(id, catalog.revoke(id, version, reason, actor)),
    }),
  ];
}

function promoted(model: string, changed: ChangedVersion) {
  return changeOf("promoted", model, changed);
}

/** What was done to a version, as the API says it. */
export function changeOf(status: "registered" | "promoted", model: string, { version, isActive, isVerifying, changes }: ChangedVersion) {
  const verification = isVerifying ? "verifying" : "ready";
  return { status, model, version, active: isActive, verification, changes: plain(changes) };
}

async function done(model: string, change: Promise<void>) {
  await change;
  return { status: "updated", model };
}

/** Prices are big integers, which JSON does not have. */
function plain(changes: ChangedVersion["changes"]): unknown {
  return JSON.parse(JSON.stringify(changes, (_key, value) => (typeof value === "bigint" ? Number(value) : value)));
}
