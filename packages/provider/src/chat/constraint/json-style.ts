import { literal, type Rules } from "./rules.js";

/** How the white space of JSON may be written. */
export interface JsonStyle {
  /** Between two members or items. */
  readonly separator: string;
  /** Between a key and its value. */
  readonly colon: string;
  /** Inside of an opening and before a closing bracket. */
  readonly padding: string;
}

/**
 * One line in the spacing of Python's `json.dumps`, in which models learn tool calls: a small one loses its way when it is forced to
 * write them otherwise.
 */
export const singleLine: JsonStyle = { separator: literal(", "), colon: literal(": "), padding: "" };

/** Any usual layout; runs of white space are bounded, because a model that may go on with them sometimes does for ever. */
export function freeLayout(rules: Rules): JsonStyle {
  const space = rules.add(String.raw`" "? | "\n" [ \t]{0,20}`);
  return { separator: `"," ${space}`, colon: `":" ${space}`, padding: space };
}

/** Rules for JSON of any shape. */
export interface JsonRules {
  readonly value: string;
  readonly object: string;
  readonly array: string;
  readonly string: string;
  readonly number: string;
  readonly integer: string;
  /** One character of a string, also an escaped one. */
  readonly character: string;
}

export function jsonRules(rules: Rules, { separator, colon, padding }: JsonStyle): JsonRules {
  const value = rules.reserve();
  // No escaped half of a surrogate pair: every string is valid Unicode.
  const escapedUnit = "[0-9a-cA-CeEfF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}";
  const character = rules.add(String.raw`[^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" (${escapedUnit}))`);
  const string = rules.add(`"\\"" ${character}* "\\""`);
  // Bounded, because a model that is not sure of a number writes digits without end.
  const integer = rules.add(`"-"? ("0" | [1-9] [0-9]{0,15})`);
  const number = rules.add(`${integer} ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?`);
  const member = rules.add(`${string} ${colon} ${value}`);
  const object = rules.add(`"{" ${padding} (${member} (${separator} ${member})*)? ${padding} "}"`);
  const array = rules.add(`"[" ${padding} (${value} (${separator} ${value})*)? ${padding} "]"`);
  rules.define(value, `${object} | ${array} | ${string} | ${number} | "true" | "false" | "null"`);
  return { value, object, array, string, number, integer, character };
}
