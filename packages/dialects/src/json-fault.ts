/** In a text, counted from 1; a column is a UTF-16 unit. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * Where a text stops being JSON (RFC 8259): the first place that no JSON text goes on from. For what `JSON.parse` has refused; what parsers say
 * of it differs, often without the place, and quotes the text.
 *
 * @returns undefined for a text that is JSON
 */
export function placeOfFault(text: string): TextPlace | undefined {
  const at = faultIn(text);
  if (at === undefined) return undefined;
  const before = text.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

function faultIn(text: string): number | undefined {
  /** What is open; the innermost last. */
  const open: ("{" | "[")[] = [];
  let expects: "value" | "key" | "colon" | "rest" = "value";
  /** Whether what was opened last may be closed at once. */
  let isEmpty = false;
  for (let at = behind(SPACE, text, 0); ; at = behind(SPACE, text, at)) {
    const sign = text.charAt(at);
    const inner = open.at(-1);
    if (inner !== undefined && (expects === "rest" || isEmpty) && sign === (inner === "{" ? "}" : "]")) {
      open.pop();
      expects = "rest";
      isEmpty = false;
      at += 1;
    } else if (expects === "rest") {
      if (inner === undefined) return at === text.length ? undefined : at;
      if (sign !== ",") return at;
      expects = inner === "{" ? "key" : "value";
      at += 1;
    } else if (expects === "colon") {
      if (sign !== ":") return at;
      expects = "value";
      at += 1;
    } else if (expects === "value" && (sign === "{" || sign === "[")) {
      open.push(sign);
      expects = sign === "{" ? "key" : "value";
      isEmpty = true;
      at += 1;
    } else {
      const end =
        sign === '"' ? endOfString(text, at) : expects === "key" ? at : Math.max(behind(NUMBER, text, at), behind(WORD, text, at));
      if (end === at) return at;
      if (end < 0) return -end;
      expects = expects === "key" ? "colon" : "rest";
      isEmpty = false;
      at = end;
    }
  }
}

/** Behind what the expression matches at a place; the place itself when it matches nothing there. */
function behind(expression: RegExp, text: string, at: number): number {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : at;
}

/** Behind the closing quote; or the place of what no string may have, negated. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const sign = text.charAt(at);
    if (sign === '"') return at + 1;
    if (sign < " ") return -at;
    if (sign !== "\\") continue;
    at += 1;
    const escaped = text.charAt(at);
    if (escaped === "u" && /^[\da-f]{4}$/i.test(text.slice(at + 1, at + 5))) at += 4;
    else if (escaped === "" || !'"\\/bfnrt'.includes(escaped)) return -at;
  }
  return -text.length;
}
