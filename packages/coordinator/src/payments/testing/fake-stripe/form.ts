/** A form as Stripe's SDK writes it: `a[b][0][c]=d`. */
export type Form = { readonly [name: string]: string | Form };

export function parseForm(text: string): Form {
  const form: Record<string, unknown> = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const [first = "", ...rest] = key.split(/\[|\]\[?/).filter((part) => part !== "");
    let at = form;
    let name = first;
    for (const part of rest) {
      at[name] ??= {};
      at = at[name] as Record<string, unknown>;
      name = part;
    }
    at[name] = value;
  }
  return form as Form;
}

export function textAt(form: Form, ...path: readonly string[]): string | undefined {
  const found = at(form, path);
  return typeof found === "string" ? found : undefined;
}

export function formAt(form: Form, ...path: readonly string[]): Form {
  const found = at(form, path);
  return typeof found === "object" ? found : {};
}

/** All texts directly below a place, by their names. */
export function textsAt(form: Form, ...path: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(formAt(form, ...path)).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function at(form: Form, path: readonly string[]): string | Form | undefined {
  let found: string | Form | undefined = form;
  for (const part of path) found = typeof found === "object" ? found[part] : undefined;
  return found;
}
