/** A database that is made once a run of tests and copied into each home: making it is most of a coordinator's first start. */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { runUmbel, temporaryHome } from "./umbel.js";

/** Tells the processes that run tests where the template is; where there is none, coordinators make their own database, as on any new machine. */
const TEMPLATE_VARIABLE = "E2E_DATABASE_TEMPLATE";

/** Before all tests of a project. @returns what to do after them */
export function setup(): (() => void) | undefined {
  if (process.env[TEMPLATE_VARIABLE] !== undefined) return undefined;
  const home = temporaryHome();
  // Any command that looks into the database makes it first.
  const { status, stderr } = runUmbel(["keys", "list", "--account", "nobody", "--home", home.path]);
  if (status !== 0) throw new Error(`the database template could not be made: ${stderr}`);
  // Each copy looks for a port of its own.
  rmSync(path.join(home.path, "postgres", "port"));
  process.env[TEMPLATE_VARIABLE] = home.path;
  return () => {
    delete process.env[TEMPLATE_VARIABLE];
    home.remove();
  };
}

/** A fresh home with an empty database in it, if there is a template. */
export function homeWithDatabase(): ReturnType<typeof temporaryHome> {
  const home = temporaryHome();
  const template = process.env[TEMPLATE_VARIABLE];
  // With owners and rights: the database may belong to a user of its own.
  if (template !== undefined) execFileSync("cp", ["-a", `${template}/.`, home.path]);
  return home;
}
