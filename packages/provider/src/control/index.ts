export { askProvider } from "./control-client.js";
export { ControlError } from "./control-error.js";
export { controlPath } from "./control-path.js";
export { type ControlServer, startControl } from "./control-server.js";
