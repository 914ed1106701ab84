/** The rules of one GBNF grammar (llama.cpp's `grammars/README.md`) while they are put together. */
export interface Rules {
  /** Names a body; equal bodies share a name. */
  add(body: string): string;
  /** Reserves a name for a body that refers to itself. */
  reserve(): string;
  define(name: string, body: string): void;
  readonly count: number;
  /** The grammar with this start. */
  text(root: string): string;
}

export function createRules(): Rules {
  const bodies = new Map<string, string>();
  const names = new Map<string, string>();
  let next = 0;

  const rules: Rules = {
    add(body) {
      const known = names.get(body);
      if (known !== undefined) return known;
      const name = rules.reserve();
      names.set(body, name);
      bodies.set(name, body);
      return name;
    },
    reserve: () => `r${next++}`,
    define(name, body) {
      bodies.set(name, body);
    },
    get count() {
      return next;
    },
    text: (root) => [`root ::= ${root}`, ...[...bodies].map(([name, body]) => `${name} ::= ${body}`)].join("\n"),
  };
  return rules;
}

/** A GBNF literal for exactly this text. */
export function literal(text: string): string {
  const escaped = text.replace(/[\\"]|\p{Cc}/gu, (character) => {
    if (character === "\\" || character === '"') return `\\${character}`;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${escaped}"`;
}
