/** Finds the end of a JSON object while its characters arrive. It checks just enough to give up early; the object is parsed afterwards. */
export interface JsonScanner {
  /** How many objects and arrays are open. */
  readonly depth: number;
  feed(character: string): "more" | "complete" | "invalid";
}

/** What stands in JSON outside of strings. */
const structural = /[\s{}[\]:,\-+.0-9a-zA-Z]/;

/** The first character must be the opening brace. */
export function createJsonScanner(): JsonScanner {
  let depth = 0;
  let inString = false;
  let escaped = false;

  function feedString(character: string): "more" | "invalid" {
    if (escaped) escaped = false;
    else if (character === "\\") escaped = true;
    else if (character === '"') inString = false;
    else if (character < " ") return "invalid";
    return "more";
  }

  return {
    get depth() {
      return depth;
    },
    feed(character) {
      if (inString) return feedString(character);
      if (depth === 0) {
        depth = 1;
        return character === "{" ? "more" : "invalid";
      }
      if (character === '"') inString = true;
      else if (character === "{" || character === "[") depth += 1;
      else if (character === "}" || character === "]") depth -= 1;
      else if (!structural.test(character)) return "invalid";
      return depth === 0 ? "complete" : "more";
    },
  };
}
