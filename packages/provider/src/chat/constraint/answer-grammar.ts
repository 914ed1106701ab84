import type { ChatRequest, ToolDefinition } from "@umbel/dialects";
import { badParameter } from "../chat-error.js";
import { freeLayout, jsonRules, singleLine } from "./json-style.js";
import { createRules, literal, type Rules } from "./rules.js";
import { compileSchema, UnsupportedSchema } from "./schema-compiler.js";

/**
 * The grammar that an answer must follow, or undefined when it may be anything: `response_format` JSON, and a tool choice that demands a
 * call. With `auto` and JSON the answer is one or the other; with `auto` and strict tools it is any text, but a call in it keeps its schema.
 *
 * @param opensReasoning whether the prompt has opened a reasoning block, which then comes before what is demanded
 * @throws ChatError `client_request` for a schema that cannot be enforced, and for a choice of tools that there are not
 */
export function answerGrammar(request: ChatRequest, opensReasoning: boolean): string | undefined {
  const rules = createRules();
  const calls = demandedCalls(request, rules);
  const json = calls === undefined ? demandedJson(request, rules) : undefined;
  // Reasoning before a call is text like any other here.
  if (calls === undefined && json === undefined && mayCallStrictly(request)) return rules.text(textThenCalls(request, rules));
  const mayCall = json !== undefined && request.tools.length > 0 && request.toolChoice.type === "auto";
  const body = mayCall ? `(${json} | ${callRules(request.tools, repetition(request), rules)})` : (calls ?? json);
  if (body === undefined) return undefined;
  return rules.text(opensReasoning ? `${reasoningRules(rules)} ${body}` : body);
}

/** Whether the model may call, of its own will, a tool whose schema it has to keep. */
function mayCallStrictly({ tools, toolChoice }: ChatRequest): boolean {
  return toolChoice.type === "auto" && tools.some(({ strict }) => strict === true);
}

const OPENING = "<tool_call>";

/**
 * Any text up to the opening of a call, and from there calls alone. The text's rules are the states of a search for the opening (Knuth,
 * Morris and Pratt, 1977): no part of it but the first character begins it anew, so a mismatch leads to the first state or the second.
 */
function textThenCalls(request: ChatRequest, rules: Rules): string {
  const call = callRules(request.tools, "one", rules);
  const more = request.parallelToolCalls ? `(${literal("\n")} ${call})*` : "";
  const states = [...OPENING].map(() => rules.reserve());
  for (const [index, state] of states.entries()) {
    const awaited = OPENING.charAt(index);
    const next = states[index + 1] ?? `${callBodies(request.tools, rules)} ${more}`;
    const others = index === 0 ? `[^<] ${states[0]}` : `"<" ${states[1]} | [^<${awaited}] ${states[0]}`;
    rules.define(state, `"" | ${literal(awaited)} ${next} | ${others}`);
  }
  return states[0] ?? "";
}

function demandedCalls(request: ChatRequest, rules: Rules): string | undefined {
  const { tools, toolChoice } = request;
  if (toolChoice.type === "auto" || toolChoice.type === "none") return undefined;
  const chosen = toolChoice.type === "named" ? tools.filter((tool) => tool.name === toolChoice.name) : tools;
  if (chosen.length === 0) throw badParameter("tool_choice");
  return callRules(chosen, toolChoice.type === "named" ? "one" : repetition(request), rules);
}

/** A schema that cannot be enforced gets JSON of any shape, unless strictness is asked for. */
function demandedJson({ responseFormat }: ChatRequest, rules: Rules): string | undefined {
  if (responseFormat.type === "text") return undefined;
  const style = freeLayout(rules);
  if (responseFormat.type === "json_object") return jsonRules(rules, style).object;
  try {
    return compileSchema(responseFormat.schema, rules, style);
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    if (responseFormat.strict) throw badParameter("response_format");
    const json = jsonRules(rules, style);
    return responseFormat.schema["type"] === "object" ? json.object : json.value;
  }
}

function repetition(request: ChatRequest): "one" | "several" {
  return request.parallelToolCalls ? "several" : "one";
}

/** Calls in the Hermes form, in the spacing that models know them in. */
function callRules(tools: readonly ToolDefinition[], repeated: "one" | "several", rules: Rules): string {
  const call = rules.add(`${literal(OPENING)} ${callBodies(tools, rules)}`);
  return repeated === "one" ? call : rules.add(`${call} (${literal("\n")} ${call})*`);
}

/** What follows the opening of a call. */
function callBodies(tools: readonly ToolDefinition[], rules: Rules): string {
  const bodies = tools.map(
    (tool) => `${literal(`{"name": ${JSON.stringify(tool.name)}, "arguments": `)} ${argumentRules(tool, rules)} "}"`,
  );
  return rules.add(`${literal("\n")} (${bodies.join(" | ")}) ${literal("\n</tool_call>")}`);
}

/** A tool whose schema cannot be enforced gets arguments of any shape, unless it asks for strictness. */
function argumentRules(tool: ToolDefinition, rules: Rules): string {
  try {
    return compileSchema({ type: "object", ...tool.parameters }, rules, singleLine);
  } catch (error) {
    if (!(error instanceof UnsupportedSchema)) throw error;
    if (tool.strict === true) throw badParameter("tools");
    return jsonRules(rules, singleLine).object;
  }
}

/** Everything up to and with the first closing tag, which ends the reasoning whatever stands before it, another `<` or `</` included. */
function reasoningRules(rules: Rules): string {
  return rules.add(String.raw`([^<] | "<"+ ([^/<] | "/" [^t<]))* "</think>" [ \n]{0,4}`);
}
