import { createManifest, manifestFileRole } from "@umbel/protocol";
import { GgufError, type HubModel, inspectOnHub } from "@umbel/provider";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import { asModelFailure } from "./models-library.js";
import { type BuildChoices, factsOf, type RegisterChoices, registerVersion } from "./models-publish.js";

export interface ImportOptions extends BuildChoices, RegisterChoices {}

/** Of a commit, as long as people write it. */
const COMMIT_characters = 12;

/**
 * `umbel models import`: registers a model of a Hugging Face repository, whose files stay there: machines fetch them from the hub, at the commit
 * that was looked at and held to the hashes that it states.
 */
export async function importModel(reference: string, options: ImportOptions): Promise<void> {
  const output = createOutput(options);
  const model = await inspect(reference);
  const id = options.id ?? model.id;
  const facts = factsOf(model.found, id, options);
  const manifest = createManifest({
    modelId: id,
    version: options.version ?? model.commit.slice(0, COMMIT_characters),
    files: model.files.map(({ url: _url, ...file }) => ({ ...file, role: manifestFileRole(file.path) ?? "other" })),
    createdAt: new Date(),
  });
  output.note(`${model.files.length === 1 ? "One file" : `${model.files.length} files`} at ${model.repository}@${model.commit}.`);
  await registerVersion(
    {
      manifest,
      body: {
        ...facts,
        metadata: { hugging_face_id: model.repository },
        file_urls: Object.fromEntries(model.files.map(({ path, url }) => [path, [url]])),
      },
      remedy: "Machines fetch without a token: what not everybody may read has to be downloaded, and published with umbel models publish.",
    },
    options,
    output,
  );
}

async function inspect(reference: string): Promise<HubModel> {
  const { HF_ENDPOINT: baseUrl = "", HF_TOKEN: token = "" } = process.env;
  const { signal } = new AbortController();
  try {
    return await inspectOnHub(reference, { fetch, signal, ...(baseUrl !== "" && { baseUrl }), ...(token !== "" && { token }) });
  } catch (error) {
    if (!(error instanceof GgufError)) throw asModelFailure(error);
    const remedy = "Name another file of the repository, as hf:org/repo:<file>.";
    throw new CliError(`${reference}: ${error.message}.`, EXIT_CODES.verification, remedy, { cause: error });
  }
}
