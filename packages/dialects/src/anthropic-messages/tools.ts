import type { ChatRequest, ToolChoice, ToolDefinition } from "../canonical/chat-request.js";
import { refuseUnsupportedSchema } from "../canonical/strict-schema.js";
import { parameterError } from "../request-body.js";
import type { PromptBody, WireTool } from "./schema.js";

/** @throws ApiError 400 when a name is used twice, or the choice needs a tool that is not there. */
export function lowerTools(body: PromptBody): Pick<ChatRequest, "tools" | "toolChoice" | "parallelToolCalls"> {
  const tools = (body.tools ?? []).map(lowerTool);
  refuseRepeatedNames(tools);
  const choice = body.tool_choice ?? { type: "auto" as const };
  const toolChoice = lowerToolChoice(choice);
  refuseImpossibleChoice(toolChoice, tools);
  return { tools, toolChoice, parallelToolCalls: choice.type === "none" || choice.disable_parallel_tool_use !== true };
}

/** Examples go where JSON Schema has a place for them. */
function lowerTool({ name, description, input_schema, input_examples, strict }: WireTool, index: number): ToolDefinition {
  if (strict === true) refuseUnsupportedSchema(input_schema, ["tools", index, "input_schema"]);
  return {
    name,
    ...(description == null ? {} : { description }),
    parameters: input_examples == null ? input_schema : { ...input_schema, examples: input_examples },
    ...(strict == null ? {} : { strict }),
  };
}

function lowerToolChoice(choice: NonNullable<PromptBody["tool_choice"]>): ToolChoice {
  switch (choice.type) {
    case "any":
      return { type: "required" };
    case "tool":
      return { type: "named", name: choice.name };
    default:
      return { type: choice.type };
  }
}

function refuseRepeatedNames(tools: readonly ToolDefinition[]): void {
  const seen = new Set<string>();
  for (const [index, { name }] of tools.entries()) {
    if (seen.has(name)) throw parameterError(["tools", index, "name"], ": expected a name that no other tool has");
    seen.add(name);
  }
}

function refuseImpossibleChoice(choice: ToolChoice, tools: readonly ToolDefinition[]): void {
  if (choice.type === "required" && tools.length === 0) throw parameterError(["tool_choice"], " is only allowed with tools");
  if (choice.type === "named" && !tools.some(({ name }) => name === choice.name)) {
    throw parameterError(["tool_choice", "name"], ": expected the name of one of the tools");
  }
}
