import type { LoadedModel } from "../../engine/index.js";
import { compileTemplate, TemplateRefusal } from "./template.js";

const call = { id: "call_1", type: "function", function: { name: "look_up", arguments: { word: "umbel" } } };
const tool = {
  type: "function",
  function: { name: "look_up", description: "Looks up a word.", parameters: { type: "object", properties: { word: { type: "string" } } } },
};
const user = { role: "user", content: "Hello" };
const assistant = { role: "assistant", content: "Hi" };
const called = { role: "assistant", content: "", tool_calls: [call] };
const answered = { role: "tool", tool_call_id: "call_1", content: "a flower" };

/** The conversations of provider.md §5.3. */
const conversations: readonly Record<string, unknown>[] = [
  { messages: [user] },
  { messages: [user, assistant, user] },
  { messages: [user, { ...assistant, content: "<|channel|>final<|message|>Hi" }, user] },
  { messages: [user, called, answered], tools: [tool] },
  { messages: [user, { ...called, content: null, name: null }, answered], tools: [tool] },
  { messages: [user, { ...assistant, content: "" }] },
];

/**
 * Whether a model's chat template renders the usual kinds of conversation: `template_render_ok` in what a provider advertises.
 * Undefined when the model has no template of its own. A template that refuses a conversation on purpose, as some do with tools, is
 * well; but every template must take a plain question.
 */
export function checkChatTemplate(model: Pick<LoadedModel, "chatTemplate" | "specialTokens">, now: Date): boolean | undefined {
  if (model.chatTemplate === undefined) return undefined;
  const { bos = "", eos = "" } = model.specialTokens;
  const common = { add_generation_prompt: true, bos_token: bos, eos_token: eos };
  try {
    const template = compileTemplate(model.chatTemplate);
    return conversations.every((conversation, i) => {
      try {
        template.render({ ...common, ...conversation }, now);
        return true;
      } catch (error) {
        return i > 0 && error instanceof TemplateRefusal;
      }
    });
  } catch {
    return false;
  }
}
