import { createHash } from "node:crypto";
import type { ChatRequest } from "@umbel/dialects";
import type { PrefixMark } from "@umbel/routing";

/** What is read of one prompt; what comes after has no marks. */
const READ_characters_max = 1_048_576;
/** Marks of one prompt: its first ones, which conversations share, and its last ones, from which the next turn goes on. */
const FIRST_MARKS = 4;
const LAST_MARKS = 12;
/** Of a SHA-256, in base64url: 128 bits. */
const KEY_characters = 22;

/** Whose prompt it is, and for which build. */
export interface PromptOwner {
  readonly accountId: string;
  readonly build: string;
  /** The caller's own name for prompts that share a beginning (`prompt_cache_key`). */
  readonly cacheKey: string | undefined;
}

/**
 * Marks a prompt at the boundaries of its parts: the caller's cache key if there is one, what stands before all messages, and each message. A
 * mark is a salted hash over everything up to it, so that two prompts have a mark in common exactly when they begin alike, for one account and
 * one build; nobody can tell from it what the prompt says.
 *
 * @param promptTokens estimate for the whole prompt
 * @param salt secret of this process
 * @returns shortest prefix first; for a request that makes no text, none
 */
export function prefixMarks(request: ChatRequest, promptTokens: number, owner: PromptOwner, salt: Uint8Array): PrefixMark[] {
  if (request.task.type === "embedding") return [];
  const { tools, responseFormat, templateVariables, messages } = request;
  const parts = [
    JSON.stringify([tools, responseFormat, request.reasoning.effort ?? "", templateVariables]),
    ...messages.map((message) => JSON.stringify(message)),
  ];
  const read = withinLimit(parts);
  const total = Math.max(
    1,
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  const hash = createHash("sha256")
    .update("affinity\0")
    .update(salt)
    .update(JSON.stringify([owner.accountId, owner.build, owner.cacheKey ?? null]));
  const keyHere = (): string => hash.copy().digest("base64url").slice(0, KEY_characters);

  // The caller says that such prompts begin alike, and not how far: as far as the last one went.
  const marks: PrefixMark[] = owner.cacheKey === undefined ? [] : [{ key: keyHere(), tokens: promptTokens }];
  let length = 0;
  for (const [index, part] of read.entries()) {
    length += part.length;
    hash.update(`${part.length}\0`).update(part);
    if (index > 0) marks.push({ key: keyHere(), tokens: Math.round((promptTokens * length) / total) });
  }
  return marks.length <= FIRST_MARKS + LAST_MARKS ? marks : [...marks.slice(0, FIRST_MARKS), ...marks.slice(-LAST_MARKS)];
}

function withinLimit(parts: readonly string[]): readonly string[] {
  let length = 0;
  const end = parts.findIndex((part) => {
    length += part.length;
    return length > READ_characters_max;
  });
  return end === -1 ? parts : parts.slice(0, end);
}
