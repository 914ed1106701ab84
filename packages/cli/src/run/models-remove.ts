import { createModelStore } from "@umbel/provider";
import { askOnTerminal } from "../ask-on-terminal.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { createOutput } from "../output.js";
import type { PlaceOptions } from "../provider/config-place.js";
import { providerPlaces } from "../provider/places.js";
import { formatBytes } from "../quantities.js";
import { asModelFailure } from "./models-library.js";

/** `umbel models remove`. */
export async function removeModel(id: string, options: PlaceOptions & { readonly yes?: boolean; readonly json?: boolean }): Promise<void> {
  const output = createOutput(options);
  const store = createModelStore(providerPlaces(options).store);
  try {
    if (options.yes !== true && (await store.listModels()).some(({ info }) => info.id === id)) await confirm(id);
    const freed_bytes = await store.removeModel(id);
    output.result({ id, removed: true, freed_bytes });
    output.line(
      freed_bytes > 0 ? `Removed ${id}; ${formatBytes(freed_bytes)} are free again.` : `Forgot ${id}; its files stay where they are.`,
    );
  } catch (error) {
    throw asModelFailure(error);
  }
}

async function confirm(id: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CliError(`Removing ${id} needs a yes.`, EXIT_CODES.usage, "Add --yes.");
  const answer = await askOnTerminal(`Remove ${id} from this machine? Type yes: `);
  if (answer.trim().toLowerCase() !== "yes") throw new CliError("Nothing was removed.", EXIT_CODES.failure);
}
