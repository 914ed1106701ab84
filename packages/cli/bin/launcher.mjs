#!/usr/bin/env node
// Starts the version of Umbel that current.json beside it names. `umbel provider update` puts this file into an installation that it
// manages; it leans on nothing of any version. A version that is being tried and was started too often without coming up is left for the
// one before it: also where nobody looks on, where the machine lost its power in the middle of an update, and where it stands still.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const STARTS_MAX = 3;
/** How long a version that is tried may be silent, and how often it is to show that it goes on. */
const SILENCE_s = Number(process.env.UMBEL_TRIAL_SILENCE_S) || 120;
const BEAT_ms = Math.min(1_000, SILENCE_s * 250);
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

/** From the next start on the version before runs again. @returns what is run then */
function goBack(tried, why) {
  const failed = { version: tried.version, why, at: new Date().toISOString() };
  process.stderr.write(`umbel: ${failed.version} does not come up; going back to ${tried.previous}.\n`);
  return { version: tried.previous, previous: null, state: "kept", starts: 0, failed };
}

/**
 * On a thread of its own: a version on trial judges itself, which one whose event loop stands still cannot. Silence is counted in beats that
 * are missed one after the other, so that a machine that slept has missed none.
 */
function watch(port) {
  const { version } = read();
  let missed = 0;
  port.on("message", () => {
    missed = 0;
  });
  const timer = setInterval(() => {
    const now = read();
    if (now.version !== version || now.state !== "trying") {
      clearInterval(timer);
      port.close();
      return;
    }
    missed += 1;
    if (missed * BEAT_ms < SILENCE_s * 1_000) return;
    write(goBack(now, `it stood still for ${SILENCE_s} s`));
    process.kill(process.pid, "SIGKILL");
  }, BEAT_ms);
}

/** Beats for as long as somebody listens; keeps no process alive. */
function beWatched() {
  const watcher = new Worker(new URL(import.meta.url));
  watcher.unref();
  const beat = setInterval(() => watcher.postMessage("beat"), BEAT_ms).unref();
  watcher.once("exit", () => clearInterval(beat));
  // A program that is not watched is run all the same.
  watcher.once("error", () => clearInterval(beat));
}

async function run() {
  let pointer = read();
  const isServing = process.argv.includes("start") && process.argv.includes("--foreground");
  if (isServing && pointer.state === "trying") {
    const starts = (pointer.starts ?? 0) + 1;
    if (starts <= STARTS_MAX || typeof pointer.previous !== "string") pointer = { ...pointer, starts };
    else pointer = goBack(pointer, `it was started ${STARTS_MAX} times and did not come up`);
    write(pointer);
    if (pointer.state === "trying" && typeof pointer.previous === "string") beWatched();
  }
  await import(pathToFileURL(path.join(root, "versions", pointer.version, "node_modules", "@umbel", "cli", "bin", "umbel.js")).href);
}

if (isMainThread) await run();
else watch(parentPort);
