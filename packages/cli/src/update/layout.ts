import path from "node:path";

/** Where the program is in the folder of a version, as npm would have it: whatever it leans on lies beside it. */
const CLI_FOLDER = "node_modules/@umbel/cli";
export const ENTRY = `${CLI_FOLDER}/bin/umbel.js`;
export const LAUNCHER_SOURCE = `${CLI_FOLDER}/bin/launcher.mjs`;
export const MANIFEST = `${CLI_FOLDER}/package.json`;

/** The Node that a release brings, if it does; without one it runs on the Node that is there. */
export const NODE_OF = { posix: "runtime/node", win32: "runtime/node.exe" } as const;
export const OWN_NODE = process.platform === "win32" ? NODE_OF.win32 : NODE_OF.posix;

/** What one machine's programs are built for, e.g. `linux-x64`. */
export const PLATFORM = `${process.platform}-${process.arch}`;

/** What Node keeps of what it has compiled; the program comes without it. */
export const COMPILED = `${CLI_FOLDER}/bundle/compiled`;

/** Places of an installation that Umbel manages itself. */
export interface InstallationPlaces {
  readonly root: string;
  /** One folder each, named after the version. */
  readonly versions: string;
  /** Which version is to be run. */
  readonly pointer: string;
  /** Whose releases this installation takes. */
  readonly keys: string;
  /** What is being fetched and unpacked, on the same file system. */
  readonly staging: string;
  readonly removed: string;
  /** Starts the version that the pointer names; the same file whatever the version. */
  readonly launcher: string;
  /** What people run. */
  readonly commands: { readonly shell: string; readonly batch: string };
}

export function installationPlaces(root: string): InstallationPlaces {
  const below = (name: string): string => path.join(root, name);
  return {
    root,
    versions: below("versions"),
    pointer: below("current.json"),
    keys: below("release-keys.json"),
    staging: below(".staging"),
    removed: below(".removed"),
    launcher: below("umbel.mjs"),
    commands: { shell: below("bin/umbel"), batch: below("bin/umbel.cmd") },
  };
}
