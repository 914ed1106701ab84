import { constants } from "node:fs";
import { access, chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";

/** Where the programs of one Postgres installation are; it finds its libraries and shared files relative to them. */
export interface Binaries {
  readonly root: string;
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  /** A file that only a reader of the shared files sees, to test whether another user can reach them. */
  readonly sharedFile: string;
}

const PROGRAMS = ["initdb", "postgres", "pg_ctl"] as const;
const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the binaries of this platform's npm package and makes them runnable. The package needs two things that an install may have left out:
 * its library links (npm 11 does not run install scripts) and the executable bit. When the package is not writable, a linked copy is made.
 *
 * @param copyDirectory where a linked copy goes (about 10 MB), if one is needed
 * @param packageRoot root of an unpacked platform package; found through Node's resolution by default
 * @throws EmbeddedPostgresError `unsupported_platform`, `binaries_unusable`
 */
export async function prepareBinaries(copyDirectory: string, packageRoot = findPackage()): Promise<Binaries> {
  const native = path.join(packageRoot, "native");
  const links = await readLinks(native);
  try {
    await completeInPlace(native, links);
    return binariesIn(native);
  } catch (error) {
    if (!isPermissionError(error)) throw unusable(native, error);
  }
  try {
    await makeLinkedCopy(native, copyDirectory, links);
    return binariesIn(copyDirectory);
  } catch (error) {
    throw unusable(native, error);
  }
}

function findPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return path.resolve(path.dirname(createRequire(import.meta.url).resolve(name)), "..");
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "unsupported_platform",
      `There is no bundled Postgres for ${platform}-${process.arch} in this installation (package ${name}). ` +
        "Set UMBEL_DATABASE_URL to a Postgres server that you run.",
      { cause },
    );
  }
}

interface LibraryLink {
  /** File name of the link, in `lib`. */
  readonly name: string;
  /** File name it points to. */
  readonly target: string;
}

async function readLinks(native: string): Promise<readonly LibraryLink[]> {
  const file = path.join(native, "pg-symlinks.json");
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    // Windows and some builds need no links and have no list.
    if (error.code === "ENOENT") return "[]";
    throw unusable(native, error);
  });
  return linkList.parse(JSON.parse(text)).map((entry) => ({ name: path.basename(entry.target), target: path.basename(entry.source) }));
}

async function completeInPlace(native: string, links: readonly LibraryLink[]): Promise<void> {
  for (const link of links) {
    const place = path.join(native, "lib", link.name);
    if (!(await exists(place))) await createLink(link.target, place);
  }
  for (const program of PROGRAMS) {
    const file = programFile(native, program);
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!executable) await chmod(file, 0o755);
  }
}

/** Programs are copied, because Postgres resolves links to find its own place; everything else is linked. */
export async function makeLinkedCopy(native: string, directory: string, links: readonly LibraryLink[]): Promise<void> {
  if (await exists(directory)) return;
  const unfinished = `${directory}.new-${process.pid}`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(path.join(unfinished, "bin"), { recursive: true });
  await mkdir(path.join(unfinished, "lib"));
  for (const program of PROGRAMS) {
    await copyFile(programFile(native, program), programFile(unfinished, program));
    await chmod(programFile(unfinished, program), 0o755);
  }
  for (const entry of await readdir(path.join(native, "lib"))) {
    await symlink(path.join(native, "lib", entry), path.join(unfinished, "lib", entry));
  }
  for (const link of links) await createLink(link.target, path.join(unfinished, "lib", link.name));
  await symlink(path.join(native, "share"), path.join(unfinished, "share"));
  await rename(unfinished, directory).catch(async (error: NodeJS.ErrnoException) => {
    // Another process made the same copy meanwhile.
    if (!(await exists(directory))) throw error;
    await rm(unfinished, { recursive: true, force: true });
  });
}

async function createLink(target: string, place: string): Promise<void> {
  await symlink(target, place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
}

function binariesIn(root: string): Binaries {
  return {
    root,
    initdb: programFile(root, "initdb"),
    postgres: programFile(root, "postgres"),
    pgCtl: programFile(root, "pg_ctl"),
    sharedFile: path.join(root, "share", "postgresql", "postgres.bki"),
  };
}

function programFile(root: string, program: (typeof PROGRAMS)[number]): string {
  return path.join(root, "bin", process.platform === "win32" ? `${program}.exe` : program);
}

function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

function isPermissionError(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EACCES" || code === "EPERM" || code === "EROFS";
}

function unusable(native: string, cause: unknown): EmbeddedPostgresError {
  const message = `The bundled Postgres in ${native} cannot be used. Reinstall with npm ci, or set UMBEL_DATABASE_URL to a Postgres server that you run.`;
  return new EmbeddedPostgresError("binaries_unusable", message, { cause });
}
