/**
 * Finds the end of the JSON object that a call's arguments are, fragment by fragment, so that a stream knows when the block of a call is
 * over. What follows the object is not part of it; arguments that do not begin an object are none.
 */
export class ToolInput {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #complete = false;

  /** Whether nothing more can belong to the input. */
  get complete(): boolean {
    return this.#complete;
  }

  /** @returns what of the fragment belongs to the object. */
  take(fragment: string): string {
    let at = 0;
    while (!this.#complete && at < fragment.length) {
      const character = fragment.charAt(at);
      if (this.#depth === 0 && !/[\s{]/.test(character)) this.#complete = true;
      else {
        this.#read(character);
        at++;
      }
    }
    return fragment.slice(0, at);
  }

  #read(character: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (this.#inString) {
      if (character === "\\") this.#escaped = true;
      if (character === '"') this.#inString = false;
    } else if (character === '"') this.#inString = true;
    else if (character === "{" || character === "[") this.#depth++;
    else if (character === "}" || character === "]") {
      this.#depth--;
      this.#complete = this.#depth === 0;
    }
  }
}

/** The input of a call as its block shows it: arguments that are no JSON object, such as those of an answer that was cut off, are none. */
export function parseToolInput(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new ToolInput().take(text));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    // The parser's own error quotes the text, which is someone's answer. An empty input is what the dialect says instead (api.md §14.2).
    return {};
  }
}
