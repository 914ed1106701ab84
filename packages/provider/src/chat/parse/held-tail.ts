/** The length of the longest end of `text` that begins `word` without completing it: what must be held back while `word` is looked for. */
export function heldTail(text: string, word: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(word.slice(0, length))) return length;
  }
  return 0;
}

/** The length of the white space at the end of `text`. */
export function trailingSpace(text: string): number {
  return text.length - text.trimEnd().length;
}
