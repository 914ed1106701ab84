// Adds a GPU variant of the inference engine to this checkout: `npm run gpu -- cuda` or `npm run gpu -- vulkan`.
// The variants are hundreds of megabytes, so the default install leaves a stand-in in their place (see "overrides" in package.json).
// This fetches exactly the version that the lockfile pins, from the registry npm is set up for, and puts it where the engine looks.
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const VARIANTS = { cuda: ["cuda", "cuda-ext"], vulkan: ["vulkan"] };
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv[2];
const platform = { linux: "linux", win32: "win" }[process.platform];

if (!(wanted in VARIANTS)) stop("usage: npm run gpu -- cuda|vulkan", 2);
if (platform === undefined || process.arch !== "x64")
  stop("GPU variants exist for Linux and Windows on x64. On a Mac, Metal is already included.", 6);

const engine = path.join(root, "node_modules", "node-llama-cpp", "package.json");
const { version } = JSON.parse(readFileSync(engine, "utf8"));
for (const variant of VARIANTS[wanted]) install(`@node-llama-cpp/${platform}-x64-${variant}`);
console.log("Done. The engine uses it by itself from the next start. `npm ci` removes it again.");

function install(name) {
  const target = path.join(root, "node_modules", ...name.split("/"));
  const scratch = mkdtempSync(path.join(tmpdir(), "umbel-gpu-"));
  try {
    console.log(`Fetching ${name}@${version} …`);
    const packed = execFileSync("npm", ["pack", `${name}@${version}`, "--json", "--pack-destination", scratch], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      shell: process.platform === "win32",
    });
    const [{ filename }] = JSON.parse(packed);
    if (lstatSync(target, { throwIfNoEntry: false })) rmSync(target, { recursive: true });
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["-xzf", path.join(scratch, path.basename(filename)), "--strip-components=1", "-C", target], { stdio: "inherit" });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function stop(message, code) {
  console.error(message);
  process.exit(code);
}
