import type { ToolChoice, ToolDefinition } from "../canonical/chat-request.js";
import { allowedTools, lowerFunction, refuseImpossibleChoice, refuseRepeatedNames } from "../openai/functions.js";
import type { EchoedSettings } from "./answer-schema.js";
import type { ResponsesBody, WireTool, WireToolChoice } from "./schema.js";

/** Tools as the model gets them, and as the answer says them again. */
export interface Tooling {
  readonly tools: ToolDefinition[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean;
  readonly wireTools: EchoedSettings["tools"];
  readonly wireToolChoice: EchoedSettings["tool_choice"];
}

/**
 * Lowers `tools` and `tool_choice`. Of tools that the choice does not allow the model learns nothing.
 *
 * @throws ApiError 400 when a name is used twice, or the choice needs a tool that is not there.
 */
export function lowerTools(body: ResponsesBody): Tooling {
  const tools = (body.tools ?? []).map(lowerTool);
  refuseRepeatedNames(tools, (index) => ["tools", index, "name"]);
  const choice = flatChoice(body.tool_choice ?? "auto");
  const { allowed, toolChoice } = lowerToolChoice(choice, tools);
  refuseImpossibleChoice(toolChoice, tools, "tool_choice", "tools");
  return {
    tools: allowed,
    toolChoice,
    parallelToolCalls: body.parallel_tool_calls ?? true,
    wireTools: tools.map(wireTool),
    wireToolChoice: choice,
  };
}

function lowerTool(tool: WireTool, index: number): ToolDefinition {
  return "function" in tool ? lowerFunction(tool.function, ["tools", index, "function"]) : lowerFunction(tool, ["tools", index]);
}

function wireTool({ name, description, parameters, strict }: ToolDefinition): EchoedSettings["tools"][number] {
  return { type: "function", name, description: description ?? null, parameters: parameters ?? null, strict: strict ?? false };
}

function flatChoice(choice: WireToolChoice): EchoedSettings["tool_choice"] {
  return typeof choice === "object" && "function" in choice ? { type: "function", name: choice.function.name } : choice;
}

function lowerToolChoice(
  choice: EchoedSettings["tool_choice"],
  tools: ToolDefinition[],
): { allowed: ToolDefinition[]; toolChoice: ToolChoice } {
  if (typeof choice === "string") return { allowed: tools, toolChoice: { type: choice } };
  if (choice.type === "function") return { allowed: tools, toolChoice: { type: "named", name: choice.name } };
  const names = choice.tools.map(({ name }) => name);
  return { allowed: allowedTools(tools, names, (index) => ["tool_choice", "tools", index, "name"]), toolChoice: { type: choice.mode } };
}
