/**
 * Keeps control tokens out of what users wrote. A text that spells `<|im_start|>` must reach the model as those characters, or anyone
 * could write a system message. So a mark is put inside each such spelling before the template is rendered, and the prompt is tokenised
 * in pieces between the marks: no piece then holds a control token of the user's, and the text itself does not change.
 */
export interface TextGuard {
  /** A copy with every text in it marked, however deep, keys included. */
  protect(value: unknown): unknown;
  /** The pieces of a rendered prompt between the marks. */
  pieces(rendered: string): string[];
}

/** A Unicode noncharacter: never part of a text in interchange (it is dropped from texts that have it), and not touched by templates. */
const mark = "\uFDD0";

/** A token of one character cannot be split. */
const spelling_chars_min = 2;

/** @param controlTokens the spellings that the tokenizer turns into control tokens */
export function createTextGuard(controlTokens: readonly string[]): TextGuard {
  const tokens = controlTokens.filter((token) => token.length >= spelling_chars_min);
  const spelling = new RegExp(tokens.length === 0 ? "(?!)" : tokens.map(escapeForRegExp).join("|"), "g");
  const beginnings = new Set(tokens.flatMap((token) => cuts(token).map((at) => token.slice(0, at))));
  const endings = new Set(tokens.flatMap((token) => cuts(token).map((at) => token.slice(at))));
  const edge_chars_max = tokens.reduce((longest, token) => Math.max(longest, token.length - 1), 0);

  function guard(text: string): string {
    const clean = text.replaceAll(mark, "");
    // What the template puts beside a text could complete a spelling.
    const before = edgeIn(endings, (length) => clean.slice(0, length), clean) ? mark : "";
    const after = edgeIn(beginnings, (length) => clean.slice(-length), clean) ? mark : "";
    return before + splitSpellings(clean, spelling) + after;
  }

  function edgeIn(parts: ReadonlySet<string>, edge: (length: number) => string, { length }: string): boolean {
    for (let i = Math.min(length, edge_chars_max); i > 0; i--) if (parts.has(edge(i))) return true;
    return false;
  }

  function protect(value: unknown): unknown {
    if (typeof value === "string") return guard(value);
    if (Array.isArray(value)) return value.map(protect);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [guard(key), protect(inner)]));
  }

  return { protect, pieces: (rendered) => rendered.split(mark).filter((piece) => piece !== "") };
}

/** Puts a mark behind the first character of each spelling, also of those that overlap. */
function splitSpellings(text: string, spelling: RegExp): string {
  let split = "";
  let from = 0;
  spelling.lastIndex = 0;
  for (let match = spelling.exec(text); match !== null; match = spelling.exec(text)) {
    split += text.slice(from, match.index + 1) + mark;
    from = match.index + 1;
    spelling.lastIndex = from;
  }
  return split + text.slice(from);
}

function cuts(token: string): number[] {
  return Array.from({ length: token.length - 1 }, (_, i) => i + 1);
}

function escapeForRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
