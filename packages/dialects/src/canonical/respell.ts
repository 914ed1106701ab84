import type { ApiError } from "./api-error.js";

/**
 * Names a parameter as a dialect spells it, where admission or a provider, which know no dialects, name it as OpenAI's chat does.
 *
 * @param spellings of a dialect, by OpenAI's
 */
export function respelled(
  { message, param }: ApiError,
  spellings: Readonly<Record<string, string>>,
): { message: string; param: string | null } {
  if (param === undefined) return { message, param: null };
  const name = /^[a-z_]+/.exec(param)?.[0] ?? "";
  const spelling = Object.hasOwn(spellings, name) ? spellings[name] : undefined;
  if (spelling === undefined) return { message, param };
  const here = spelling + param.slice(name.length);
  // The message begins with the parameter where it is about the parameter.
  const isSubject = message.startsWith(`${param}:`) || message.startsWith(`${param} `);
  return { message: isSubject ? here + message.slice(param.length) : message, param: here };
}
