// Fetches a model and kills itself: at a number of bytes, or at one of the steps on the disk from the writing of the manifest on.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [, , home, coordinatorUrl, build, when, at] = process.argv;
const die = () => process.kill(process.pid, "SIGKILL");

if (when === "step") {
  let isComplete = false;
  let steps = 0;
  for (const name of ["rename", "writeFile", "mkdir", "rm", "open", "link", "utimes"]) {
    const original = fs.promises[name];
    fs.promises[name] = async (...args) => {
      if (name === "writeFile" && String(args[0]).endsWith("manifest.json")) isComplete = true;
      if (isComplete && ++steps === Number(at)) die();
      return original(...args);
    };
  }
  syncBuiltinESMExports();
}

const { createModelLibrary } = await import("../../../dist/models/model-library.js");
const { systemClock } = await import("@umbel/protocol/native");
await createModelLibrary({ home, coordinatorUrl, clock: systemClock }).fetchModel(build, {
  signal: new AbortController().signal,
  mode: "owner",
  onProgress: ({ done_bytes }) => {
    if (when === "bytes" && done_bytes >= Number(at)) die();
  },
});
