#!/usr/bin/env node
// Starts the version of Umbel that current.json beside it names. `umbel provider update` puts this file into an installation that it
// manages; it leans on nothing of any version. A version that is being tried and was started too often without coming up is left for the
// one before it: also where nobody looks on, and where the machine lost its power in the middle of an update.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const STARTS_MAX = 3;
const root = path.dirname(fileURLToPath(import.meta.url));
const file = path.join(root, "current.json");

function read() {
  try {
    const { version, ...rest } = JSON.parse(readFileSync(file, "utf8"));
    if (typeof version === "string" && /^[0-9A-Za-z][0-9A-Za-z.+-]*$/.test(version)) return { version, ...rest };
  } catch {
    // What cannot be read says as little as what is not there.
  }
  process.stderr.write(
    `umbel: ${file} does not say which version to run.\n  Restore it, or install anew: umbel provider update --into <directory>.\n`,
  );
  process.exit(3);
}

function write(pointer) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(pointer, undefined, 2)}\n`);
  renameSync(draft, file);
}

let pointer = read();
const isServing = process.argv.includes("start") && process.argv.includes("--foreground");
if (isServing && pointer.state === "trying") {
  const starts = (pointer.starts ?? 0) + 1;
  if (starts <= STARTS_MAX || typeof pointer.previous !== "string") pointer = { ...pointer, starts };
  else {
    const failed = {
      version: pointer.version,
      why: `it was started ${STARTS_MAX} times and did not come up`,
      at: new Date().toISOString(),
    };
    process.stderr.write(`umbel: ${failed.version} does not come up; going back to ${pointer.previous}.\n`);
    pointer = { version: pointer.previous, previous: null, state: "kept", starts: 0, failed };
  }
  write(pointer);
}
await import(pathToFileURL(path.join(root, "versions", pointer.version, "node_modules", "@umbel", "cli", "bin", "umbel.js")).href);
