import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const CLI_FOLDER = fileURLToPath(new URL("../..", import.meta.url));

/** How Umbel came here where it does not manage itself, and the exact commands that update it. */
export function otherInstallation(version: string, folder = CLI_FOLDER): { readonly kind: string; readonly command: string } {
  const checkout = path.resolve(folder, "../..");
  if (existsSync(path.join(checkout, ".git"))) {
    return {
      kind: "a git checkout",
      command: `cd ${shown(checkout)} && git pull && npm ci && npm run build && npx umbel provider restart`,
    };
  }
  const [before] = folder.split(`${path.sep}node_modules${path.sep}`);
  const wanted = `@umbel/cli@${version}`;
  // npm keeps what is global below its prefix, in lib on all systems but Windows.
  const isGlobal = before === undefined || !existsSync(path.join(before, "package.json"));
  return isGlobal
    ? { kind: "an npm package of this machine", command: `npm install --global ${wanted} && umbel provider restart` }
    : { kind: `an npm package in ${before}`, command: `cd ${shown(before)} && npm install ${wanted} && npx umbel provider restart` };
}

function shown(folder: string): string {
  return /^[\w./:\\-]+$/.test(folder) ? folder : `"${folder}"`;
}
