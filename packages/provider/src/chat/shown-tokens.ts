import type { TokenLogprob } from "@umbel/dialects";

/**
 * Finds the tokens whose bytes make up a piece of visible text. Tokens before them were hidden (the end of a reasoning block, a tool call) and
 * are dropped; those behind are held back still (they may begin a stop string) and wait. A token that only overlaps the text counts as shown.
 *
 * @param tokens in the order generated, since the last piece
 */
export function shownTokens(tokens: readonly TokenLogprob[], text: string): { shown: TokenLogprob[]; waiting: TokenLogprob[] } {
  const generated = Buffer.from(tokens.flatMap((token) => token.bytes));
  const piece = Buffer.from(text);
  // What is hidden stands in front; without it the text begins where the tokens do.
  const start = generated.subarray(0, piece.length).equals(piece) ? 0 : generated.lastIndexOf(piece);
  // Not found: the text holds a replacement for bytes that are no character.
  if (start === -1) return { shown: [...tokens], waiting: [] };
  const end = start + piece.length;
  const shown: TokenLogprob[] = [];
  const waiting: TokenLogprob[] = [];
  let position = 0;
  for (const token of tokens) {
    const next = position + token.bytes.length;
    if (position >= end) waiting.push(token);
    else if (next > start) shown.push(token);
    position = next;
  }
  return { shown, waiting };
}
