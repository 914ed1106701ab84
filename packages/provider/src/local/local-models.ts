import { readFile } from "node:fs/promises";
import path from "node:path";
import { ApiError, type ChatRequest, estimatePromptTokens, modelNotFound, type ParsedRequest, sampling } from "@umbel/dialects";
import type { ModelInfo } from "@umbel/protocol";
import { z } from "zod";
import type { WorkerModel } from "../worker/pipe-messages.js";
import type { LocalRequest } from "./local-requests.js";

/** Bound on the answers of a model whose catalogue entry names none. Source: api.md §8. */
const OUTPUT_tokens_max = 8_192;

/** Of this machine's own programs, whichever it is: they wait for each other and take turns with the accounts of a coordinator. */
const LOCAL_SCOPE = "local";

/** What a catalogue entry says that concerns whoever asks the model. */
const catalogFacts = z.object({
  displayName: z.string().optional(),
  maxOutput_tokens: z.number().int().positive().optional(),
  defaults: sampling.optional(),
  alias: z.object({ id: z.string() }).optional(),
});
type CatalogFacts = z.infer<typeof catalogFacts>;

/** A model that can be asked on this machine. */
export interface AskableModel {
  readonly info: ModelInfo;
  /** By which it is listed; its build's id is understood, too. */
  readonly name: string;
  readonly facts: CatalogFacts;
}

/** @throws nothing: an entry that cannot be read leaves the defaults */
export async function askableModels(models: readonly WorkerModel[]): Promise<AskableModel[]> {
  const read = await Promise.all(models.map(async ({ info, artifact }) => ({ info, facts: await factsIn(artifact?.directory) })));
  const names = read.map(({ info, facts }) => facts.alias?.id ?? info.id);
  // A name that two builds share is neither's.
  return read.map((model, index) => {
    const name = names[index] ?? model.info.id;
    return { ...model, name: names.indexOf(name) === names.lastIndexOf(name) ? name : model.info.id };
  });
}

async function factsIn(directory: string | undefined): Promise<CatalogFacts> {
  if (directory === undefined) return {};
  try {
    return catalogFacts.parse(JSON.parse(await readFile(path.join(directory, "catalog.json"), "utf8")));
  } catch {
    return {};
  }
}

/** @throws ApiError 404 */
export function findModel(models: readonly AskableModel[], name: string): AskableModel {
  const found = models.find((model) => model.name === name) ?? models.find(({ info }) => info.id === name);
  if (found !== undefined) return found;
  throw modelNotFound(
    name,
    models.map((model) => model.name),
  );
}

/**
 * Fills in what the caller left open: the build behind the name and its sampling. An answer without a bound may take what the prompt leaves of
 * the context, which the worker knows exactly.
 *
 * @throws ApiError for what the model cannot do
 */
export function prepare({ request, routing }: ParsedRequest<unknown>, models: readonly AskableModel[], signal: AbortSignal): LocalRequest {
  const { info, facts, name } = findModel(models, request.model);
  const embeds = info.capabilities.includes("embedding");
  if (embeds !== (request.task.type === "embedding")) throw wrongTask(name, embeds ? "only embeddings" : "no embeddings");
  const outputTokens_max = facts.maxOutput_tokens ?? OUTPUT_tokens_max;
  const { maxOutputTokens, ...rest } = request;
  const chat: ChatRequest = {
    ...rest,
    model: info.id,
    sampling: { ...facts.defaults, ...given(request.sampling) },
    ...(maxOutputTokens !== undefined && { maxOutputTokens: Math.min(maxOutputTokens, outputTokens_max) }),
  };
  const cacheScope = routing?.cacheKey === undefined ? LOCAL_SCOPE : `${LOCAL_SCOPE}.${routing.cacheKey}`;
  return { chat, outputTokens_max, promptTokens: estimatePromptTokens(request), cacheScope, signal };
}

/** Without fields that are present but undefined, which would hide a default. */
function given<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}

function wrongTask(model: string, what: string): ApiError {
  return new ApiError({ status: 400, code: "invalid_request_error", message: `model "${model}" makes ${what}`, param: "model" });
}
