export { askProvider } from "./control-client.js";
export { ControlError } from "./control-error.js";
export { type ControlServer, startControl } from "./control-server.js";
