// Fails when a package or a coordinator or provider folder imports what its row of the architecture forbids.
// The rows below are the architecture's "may import" columns; reading them is reading the layering.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

/** Packages each package may import, besides itself. */
export const PACKAGE_ROWS = {
  protocol: [],
  dialects: ["protocol"],
  routing: ["protocol"],
  coordinator: ["protocol", "dialects", "routing"],
  provider: ["protocol", "dialects"],
  sdk: ["protocol", "dialects"],
  console: ["sdk", "dialects", "protocol"],
  cli: ["protocol", "dialects", "routing", "coordinator", "provider", "sdk", "console"],
};

/** Folders of a package that other packages may import by subpath, besides its index. */
const SUBPATHS = {
  protocol: ["native", "testing", "money"],
  routing: ["simulator"],
  coordinator: ["answers", "testing"],
  provider: ["testing"],
};

/** Packages that must run in a browser: no Node built-in, except in these folders. */
const BROWSER_PACKAGES = {
  protocol: ["native"],
  dialects: [],
  routing: [],
  sdk: [],
  console: [],
};

/** Folders of the coordinator and what each may import, through the other folder's index only. */
export const COORDINATOR_ROWS = {
  config: [],
  store: ["config"],
  insight: ["config"],
  catalog: ["config", "store"],
  accounts: ["config", "store", "ledger"],
  ledger: ["config", "store"],
  statements: ["config", "store"],
  objects: [],
  backup: ["config", "store", "objects"],
  retention: ["config", "store"],
  rewards: ["config", "store", "ledger"],
  payments: ["config", "store", "ledger"],
  trust: ["config", "store"],
  fleet: ["config", "trust", "catalog", "insight"],
  inference: ["config", "accounts", "catalog", "fleet", "ledger", "insight"],
  http: ["config", "accounts", "catalog", "fleet", "inference", "insight", "ledger", "payments", "rewards", "statements"],
  wiring: [
    "config",
    "store",
    "accounts",
    "backup",
    "catalog",
    "fleet",
    "http",
    "insight",
    "ledger",
    "objects",
    "payments",
    "retention",
    "rewards",
  ],
};

/** Npm packages that only these coordinator folders may import. */
const COORDINATOR_LIBRARIES = {
  fastify: ["http"],
  "drizzle-orm": ["store"],
  postgres: ["store"],
  ws: ["fleet"],
  "better-auth": ["accounts"],
  "@better-auth/passkey": ["accounts"],
  nodemailer: ["accounts"],
  jose: ["accounts"],
  stripe: ["payments"],
  viem: ["payments"],
  "age-encryption": ["backup"],
  aws4fetch: ["objects"],
};

/** Folders of the provider: the worker's side sees plaintext, the agent's side talks to the network. */
export const PROVIDER_ROWS = {
  engine: [],
  batch: ["engine"],
  chat: ["engine", "batch"],
  embed: ["engine", "batch", "chat"],
  vault: [],
  evidence: [],
  machine: [],
  guest: ["machine"],
  control: [],
  models: [],
  worker: ["engine", "batch", "chat", "embed", "vault", "evidence", "models"],
  session: ["machine"],
  agent: ["session", "models", "machine", "guest", "evidence", "local", "worker", "telemetry"],
  telemetry: ["session"],
  benchmark: ["agent", "engine", "machine", "models", "worker"],
  local: ["engine", "session", "worker"],
};

/** Modules that reach the network; the worker's side must not import them (`evidence` replaces them by refusals). */
const NETWORK_MODULES = [
  "ws",
  "node:net",
  "node:http",
  "node:https",
  "node:http2",
  "node:tls",
  "node:dgram",
  "node:dns",
  "node:dns/promises",
];
const OFFLINE_FOLDERS = ["engine", "batch", "chat", "embed", "vault", "worker"];

const FOLDER_ROWS = { coordinator: COORDINATOR_ROWS, provider: PROVIDER_ROWS };

/**
 * @param {string} root checkout to examine
 * @returns {string[]} one line a violation: `file: what it imports, and why not`
 */
export function findViolations(root) {
  const violations = [];
  for (const name of Object.keys(PACKAGE_ROWS)) {
    const source = path.join(root, "packages", name, "src");
    for (const file of typescriptFiles(source)) {
      const from = { package: name, inner: path.relative(source, file).split(path.sep).join("/"), file };
      for (const specifier of importsOf(file)) {
        const reason = refusal(from, specifier, source);
        if (reason) violations.push(`${path.relative(root, file)}: imports "${specifier}": ${reason}`);
      }
    }
  }
  return violations;
}

function refusal(from, specifier, source) {
  if (specifier.startsWith(".")) return relativeRefusal(from, specifier, source);
  if (specifier.startsWith("@umbel/")) return packageRefusal(from, specifier);
  return libraryRefusal(from, specifier);
}

function relativeRefusal(from, specifier, source) {
  const target = path
    .relative(source, path.resolve(path.dirname(from.file), specifier))
    .split(path.sep)
    .join("/");
  if (target.startsWith("..")) return "leaves its package; import the package by name";
  const rows = FOLDER_ROWS[from.package];
  const [fromFolder, ...rest] = from.inner.split("/");
  const [toFolder, ...toRest] = target.split("/");
  if (!rows || rest.length === 0 || toRest.length === 0 || fromFolder === toFolder) return undefined;
  const row = rows[fromFolder];
  if (!row) return `folder "${fromFolder}" has no row in tools/layering.mjs`;
  const isTest = isTestFile(from.inner);
  if (!isTest && !row.includes(toFolder)) return `"${fromFolder}" may import ${row.join(", ") || "no other folder"}`;
  const doors = isTest ? ["index.js", "testing.js", "testing/index.js"] : from.package === "provider" ? [toRest.join("/")] : ["index.js"];
  if (!doors.includes(toRest.join("/"))) return `import "${toFolder}" through its index`;
  return undefined;
}

function packageRefusal(from, specifier) {
  const [, name, ...subpath] = specifier.split("/");
  if (name === from.package) return "a package does not import itself by name";
  if (!PACKAGE_ROWS[from.package].includes(name))
    return `"${from.package}" may import ${PACKAGE_ROWS[from.package].join(", ") || "nothing of ours"}`;
  if (subpath.length === 0) return undefined;
  if (!SUBPATHS[name]?.includes(subpath.join("/"))) return `"${name}" has no such door`;
  if (subpath[0] === "testing" && !isTestFile(from.inner)) return "testing doors are for tests";
  if (subpath[0] === "native" && from.package in BROWSER_PACKAGES && !isTestFile(from.inner)) return `"${from.package}" runs in browsers`;
  return undefined;
}

function libraryRefusal(from, specifier) {
  const isTest = isTestFile(from.inner);
  const library = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/")[0];
  const isBuiltin = specifier.startsWith("node:") || builtinModules.includes(specifier);
  const folder = from.inner.includes("/") ? from.inner.split("/")[0] : undefined;
  const exempt = BROWSER_PACKAGES[from.package];
  if (isBuiltin && exempt && !isTest && !exempt.includes(folder)) return `"${from.package}" runs in browsers, which lack it`;
  if (isTest) return undefined;
  if (from.package === "provider" && OFFLINE_FOLDERS.includes(folder) && NETWORK_MODULES.includes(specifier))
    return "the worker's side has no network";
  const owners = from.package === "coordinator" && folder ? COORDINATOR_LIBRARIES[library] : undefined;
  if (owners && !owners.includes(folder)) return `only ${owners.join(", ")} may import ${library}`;
  return undefined;
}

function importsOf(file) {
  const { module, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  const dynamic = module.dynamicImports.map((entry) => {
    const text = readFileSync(file, "utf8").slice(entry.moduleRequest.start, entry.moduleRequest.end);
    return /^["'].*["']$/.test(text) ? text.slice(1, -1) : undefined;
  });
  const fixed = module.staticImports.map((entry) => entry.moduleRequest.value);
  const reexported = module.staticExports.flatMap((entry) => entry.entries.map((item) => item.moduleRequest?.value));
  return new Set([...fixed, ...reexported, ...dynamic].filter((specifier) => specifier !== undefined && specifier !== null));
}

function isTestFile(inner) {
  return /\.test\.tsx?$/.test(inner) || /(^|\/)testing(\/|\.ts$)/.test(inner);
}

function* typescriptFiles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) yield* typescriptFiles(full);
    else if (/\.tsx?$/.test(entry.name)) yield full;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const violations = findViolations(path.resolve(path.dirname(fileURLToPath(import.meta.url)), ".."));
  for (const line of violations) console.error(line);
  if (violations.length > 0) {
    console.error(`${violations.length} imports break the layering. The rows are at the top of tools/layering.mjs.`);
    process.exit(1);
  }
}
