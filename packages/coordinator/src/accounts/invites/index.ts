export { createInvites } from "./create-invites.js";
export * from "./types.js";
