import type { ChatRequest } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import type { LoadedModel } from "../../engine/index.js";
import { badParameter, ChatError } from "../chat-error.js";
import { fallbackTemplate } from "./fallback-template.js";
import { type ChatTemplate, compileTemplate, TemplateRefusal, templateGlobals } from "./template.js";
import { templateInput } from "./template-input.js";
import { createTextGuard } from "./text-guard.js";

export interface Prompt {
  readonly tokens: Int32Array;
  /** The template has already opened a reasoning block, which the answer goes on with. */
  readonly opensReasoning: boolean;
}

export interface PromptBuilder {
  /**
   * @throws ChatError `template_render`, `context_exceeded`, or `client_request` for what the template does not take.
   */
  build(request: ChatRequest): Prompt;
  /** The same before it is cut into tokens. */
  text(request: ChatRequest): string;
}

/** No token of a model in use is longer; so a longer prompt does not fit, and need not be tokenised to know it. */
const token_chars_max = 256;

const reservedVariables: ReadonlySet<string> = new Set([
  ...templateGlobals,
  "messages",
  "tools",
  "add_generation_prompt",
  "bos_token",
  "eos_token",
]);

/** Turns requests into prompts with the model's own template; with ChatML when it has none. The template is compiled once, on first use. */
export function createPromptBuilder(loaded: LoadedModel, clock: Clock): PromptBuilder {
  const guard = createTextGuard(loaded.controlTokens);
  const { bos, eos, addBos } = loaded.specialTokens;
  let compiled: ChatTemplate | undefined;

  function template(): ChatTemplate {
    compiled ??= compileTemplate(loaded.chatTemplate ?? fallbackTemplate);
    return compiled;
  }

  function plain(text: string): Int32Array {
    const tokens = loaded.tokenize(text, false);
    if (!addBos || bos === undefined) return tokens;
    return concatenate([loaded.tokenize(bos, true), tokens]);
  }

  function render(request: ChatRequest): string {
    const { messages, tools, variables } = templateInput(request);
    if (Object.keys(variables).some((name) => reservedVariables.has(name))) throw badParameter("chat_template_kwargs");
    try {
      if (tools !== undefined && !template().source.includes("tools")) throw badParameter("tools");
      const rendered = template().render(
        {
          ...asRecord(guard.protect(variables)),
          messages: request.continueFinalMessage ? withOpenEnd(guard.protect(messages)) : guard.protect(messages),
          ...(tools === undefined ? {} : { tools: guard.protect(tools) }),
          add_generation_prompt: !request.continueFinalMessage,
          bos_token: bos ?? "",
          eos_token: eos ?? "",
        },
        clock.date(),
      );
      const prompt = request.continueFinalMessage ? upToOpenEnd(rendered) : rendered;
      return addBos && bos !== undefined && !prompt.startsWith(bos) ? bos + prompt : prompt;
    } catch (cause) {
      if (cause instanceof ChatError) throw cause;
      if (cause instanceof TemplateRefusal) throw badParameter("messages");
      // The cause may quote the messages, so it is not passed on.
      throw new ChatError("template_render");
    }
  }

  return {
    build(request) {
      if (request.task.type === "completion") return { tokens: tokensOf([request.task.prompt], plain), opensReasoning: false };
      const rendered = render(request);
      const tokens = tokensOf(guard.pieces(rendered), (piece) => loaded.tokenize(piece, true));
      return { tokens, opensReasoning: /<think>\s*$/.test(rendered) };
    },
    text: (request) => (request.task.type === "completion" ? request.task.prompt : guard.pieces(render(request)).join("")),
  };

  function tokensOf(pieces: readonly string[], tokenize: (piece: string) => Int32Array): Int32Array {
    const available = loaded.contextLength_tokens;
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const needed_min = Math.ceil(length / token_chars_max);
    if (needed_min > available) throw new ChatError("context_exceeded", { needed: needed_min, available });
    return concatenate(pieces.map(tokenize));
  }
}

/** Stands at the end of a message that the answer goes on with: a Unicode noncharacter that no template touches. */
const openEnd = "\uFDD1";

function withOpenEnd(messages: unknown): unknown {
  if (!Array.isArray(messages)) return messages;
  const last: unknown = messages.at(-1);
  return [...messages.slice(0, -1), { ...asRecord(last), content: `${String(asRecord(last)["content"])}${openEnd}` }];
}

/** What the template would say after the message is left out: its turn is still open. */
function upToOpenEnd(rendered: string): string {
  const end = rendered.lastIndexOf(openEnd);
  if (end === -1) throw badParameter("messages");
  return rendered.slice(0, end).replaceAll(openEnd, "");
}

function concatenate(pieces: readonly Int32Array[]): Int32Array {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const all = new Int32Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
