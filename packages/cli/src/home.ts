import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Where Umbel keeps its state: `--home`, else `UMBEL_HOME`, else `~/.umbel`. */
export function resolveHome(option: string | undefined): string {
  return path.resolve(option ?? process.env["UMBEL_HOME"] ?? path.join(homedir(), ".umbel"));
}

/** Folders of the bundled models in this checkout: one that answers, one that makes vectors. */
export const BUNDLED_MODEL_DIRECTORIES: readonly string[] = ["sprout", "sprout-embed"].map((name) =>
  fileURLToPath(new URL(`../../../models/${name}`, import.meta.url)),
);

/** Static files of the web console in this checkout. */
export const CONSOLE_DIRECTORY = fileURLToPath(new URL("../../console/dist", import.meta.url));
