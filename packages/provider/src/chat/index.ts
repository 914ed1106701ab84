export { ChatError, type ChatErrorDetail } from "./chat-error.js";
export { type ChatModel, type ChatModelDependencies, createChatModel, type RunOptions } from "./chat-model.js";
export { checkChatTemplate } from "./prompt/template-check.js";
