import { z } from "zod";
import type { ToolChoice, ToolDefinition } from "../canonical/chat-request.js";
import { refuseUnsupportedSchema } from "../canonical/strict-schema.js";
import { type ParameterPath, parameterError } from "../request-body.js";

/** What a function is, the same on every surface. */
export const functionFields = {
  name: z.string().regex(/^[a-zA-Z0-9_.-]{1,128}$/, ": expected 1 to 128 letters, digits, underscores, dots or dashes"),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
};

export const functionDefinition = z.object(functionFields);
export type WireFunction = z.infer<typeof functionDefinition>;

/** @param path of the function in the request's body. @throws ApiError 400 for a strict schema that cannot be enforced. */
export function lowerFunction({ name, description, parameters, strict }: WireFunction, path: ParameterPath): ToolDefinition {
  if (strict === true) refuseUnsupportedSchema(parameters ?? {}, [...path, "parameters"]);
  return {
    name,
    ...(description == null ? {} : { description }),
    ...(parameters == null ? {} : { parameters }),
    ...(strict == null ? {} : { strict }),
  };
}

/** @throws ApiError 400 for a name that two tools have. */
export function refuseRepeatedNames(tools: readonly ToolDefinition[], pathOf: (index: number) => readonly PropertyKey[]): void {
  const seen = new Set<string>();
  for (const [index, { name }] of tools.entries()) {
    if (seen.has(name)) throw parameterError(pathOf(index), ": expected a name that no other tool has");
    seen.add(name);
  }
}

/** @throws ApiError 400 for a choice that needs a tool which is not there. */
export function refuseImpossibleChoice(choice: ToolChoice, tools: readonly ToolDefinition[], param: string, list: string): void {
  if (choice.type === "required" && tools.length === 0) throw parameterError([param], ` is only allowed with ${list}`);
  if (choice.type === "named" && !tools.some(({ name }) => name === choice.name)) {
    throw parameterError([param], `: expected the name of one of the ${list}`);
  }
}

/** The tools that a choice allows by their names. @throws ApiError 400 for a name that no tool has. */
export function allowedTools(
  tools: readonly ToolDefinition[],
  names: readonly string[],
  pathOf: (index: number) => ParameterPath,
): ToolDefinition[] {
  for (const [index, name] of names.entries()) {
    if (!tools.some((tool) => tool.name === name)) throw parameterError(pathOf(index), ": expected the name of one of the tools");
  }
  return tools.filter(({ name }) => names.includes(name));
}
