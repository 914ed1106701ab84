import { type ChatRequest, chatRequest } from "@umbel/dialects";

/** One prompt of the bundled model's evaluation, with the checks that `train/make_eval.py` describes. */
export interface EvalCase {
  readonly id: string;
  readonly skill: string;
  readonly messages: readonly EvalMessage[];
  readonly tools?: readonly {
    readonly function: { readonly name: string; readonly description: string; readonly parameters: Record<string, unknown> };
  }[];
  readonly max_tokens: number;
  readonly check: Readonly<Record<string, unknown>>;
}

interface EvalMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly { readonly id: string; readonly function: { readonly name: string; readonly arguments: string } }[];
}

interface EvalAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly endedByItself: boolean;
}

export function evalRequest({ messages, tools = [], max_tokens }: EvalCase): ChatRequest {
  return chatRequest.parse({
    model: "sprout",
    messages: messages.map(({ role, content, tool_call_id, tool_calls = [] }) => ({
      role,
      content: [{ type: "text", text: content }],
      ...(role === "tool" ? { toolCallId: tool_call_id } : {}),
      ...(role === "assistant" ? { toolCalls: tool_calls.map((call) => ({ id: call.id, ...call.function })) } : {}),
    })),
    tools: tools.map((tool) => tool.function),
    maxOutputTokens: max_tokens,
    sampling: { temperature: 0 },
  });
}

export function passes({ check }: EvalCase, answer: EvalAnswer): boolean {
  return Object.entries(check).every(([kind, wanted]) => checkOne(kind, wanted, check, answer));
}

function checkOne(kind: string, wanted: unknown, check: EvalCase["check"], answer: EvalAnswer): boolean {
  const text = answer.text.trim();
  const low = text.toLowerCase();
  const word = String(wanted).toLowerCase();
  const words = Array.isArray(wanted) ? wanted.map((one) => String(one).toLowerCase()) : [];
  switch (kind) {
    case "equals":
      return text === wanted;
    case "contains":
      return words.every((one) => low.includes(one));
    case "any":
      return words.some((one) => low.includes(one));
    case "last_number":
      return Number(text.match(/\d+/g)?.at(-1)) === wanted;
    case "starts":
      return low.startsWith(word);
    case "ends":
      return low.replace(/[.!]$/, "").endsWith(word.replace(/[.!]$/, ""));
    case "upper":
      return text === text.toUpperCase() && /[A-Z]/.test(text);
    case "regex":
      return new RegExp(String(wanted), "is").test(text);
    case "json":
      return same(parsed(text), wanted);
    case "calls":
      return same(
        answer.calls.map((call) => [call.name, parsed(call.arguments)]),
        wanted,
      );
    case "think":
      return answer.reasoning.trim().length > 5 && !/<\/?think>/.test(text);
    case "story": {
      const sentences = text.split(/(?<=[.!?])\s+/);
      return text.split(/\s+/).length >= Number(wanted) && new Set(sentences).size > sentences.length - 2 && answer.endedByItself;
    }
    case "members": {
      const said = low.replace(/[^a-z ]+/g, " ").split(/\s+/);
      return words.filter((one) => said.includes(one)).length === check["count"];
    }
    case "count":
      return true;
    default:
      throw new Error(`unknown check ${kind}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Equal as JSON, whatever the order of members. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const entries = Object.entries(a);
  return entries.length === Object.keys(b).length && entries.every(([key, value]) => same(value, Reflect.get(b, key)));
}
