import type { ChatRequest, ToolChoice, ToolDefinition } from "../canonical/chat-request.js";
import { allowedTools, lowerFunction, refuseImpossibleChoice, refuseRepeatedNames } from "../openai/functions.js";
import { parameterError } from "../request-body.js";
import type { OpenAiChatBody } from "./schema.js";

type Tooling = Pick<ChatRequest, "tools" | "toolChoice" | "parallelToolCalls">;

/**
 * Lowers `tools` and `tool_choice` (of tools that it does not allow the model learns nothing), or the legacy `functions` and `function_call`, which allow one call at a time.
 *
 * @throws ApiError 400 when both forms are used, a name is used twice, or the choice needs a tool that is not there.
 */
export function lowerTools(body: OpenAiChatBody): Tooling {
  if (usesLegacyFunctions(body)) return lowerLegacyFunctions(body);
  const tools = (body.tools ?? []).map((tool, index) => lowerFunction(tool.function, ["tools", index, "function"]));
  refuseRepeatedNames(tools, (index) => ["tools", index, "function", "name"]);
  const { allowed, toolChoice } = lowerToolChoice(body.tool_choice ?? "auto", tools);
  refuseImpossibleChoice(toolChoice, tools, "tool_choice", "tools");
  return { tools: allowed, toolChoice, parallelToolCalls: body.parallel_tool_calls ?? true };
}

/** Whether the caller speaks the form that predates tools, and so expects `function_call` in the answer. */
export function usesLegacyFunctions(body: OpenAiChatBody): boolean {
  return (body.functions ?? []).length > 0;
}

function lowerLegacyFunctions(body: OpenAiChatBody): Tooling {
  if ((body.tools ?? []).length > 0) throw parameterError(["functions"], " cannot be used together with tools");
  const tools = (body.functions ?? []).map((tool, index) => lowerFunction(tool, ["functions", index]));
  refuseRepeatedNames(tools, (index) => ["functions", index, "name"]);
  const choice = body.function_call ?? "auto";
  const toolChoice: ToolChoice = typeof choice === "string" ? { type: choice } : { type: "named", name: choice.name };
  refuseImpossibleChoice(toolChoice, tools, "function_call", "functions");
  return { tools, toolChoice, parallelToolCalls: false };
}

function lowerToolChoice(
  choice: NonNullable<OpenAiChatBody["tool_choice"]>,
  tools: ToolDefinition[],
): { readonly allowed: ToolDefinition[]; readonly toolChoice: ToolChoice } {
  if (typeof choice === "string") return { allowed: tools, toolChoice: { type: choice } };
  if (choice.type === "function") return { allowed: tools, toolChoice: { type: "named", name: choice.function.name } };
  const { mode, tools: listed } = choice.allowed_tools;
  const names = listed.map((tool) => tool.function.name);
  const path = ["tool_choice", "allowed_tools", "tools"];
  return { allowed: allowedTools(tools, names, (index) => [...path, index, "function", "name"]), toolChoice: { type: mode } };
}
