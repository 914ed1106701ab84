export { ChatError } from "./chat-error.js";
export { type ChatModel, createChatModel } from "./chat-model.js";
export { checkChatTemplate } from "./prompt/template-check.js";
export type { TextTools } from "./text-tools.js";
