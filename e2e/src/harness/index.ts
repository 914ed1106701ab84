export { MODEL, type Script, startNetwork, type TestNetwork } from "./network.js";
export { type RecordingProxy, startRecordingProxy } from "./recording-proxy.js";
export { eventually, freePort, runUmbel, temporaryHome, UMBEL, type UmbelProcess, umbel } from "./umbel.js";
export { startUnrulyProxy, type UnrulyProxy } from "./unruly-proxy.js";
export { startUp, type UpNetwork } from "./up.js";
