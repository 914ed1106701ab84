export * from "./canonical/api-error.js";
export * from "./canonical/chat-event.js";
export * from "./canonical/chat-request.js";
export * from "./dialect.js";
