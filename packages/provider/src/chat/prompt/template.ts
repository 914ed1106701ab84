import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";

/** A chat template, compiled. */
export interface ChatTemplate {
  readonly source: string;
  /** @throws TemplateRefusal when the template itself refuses these messages; another Error when it fails on them. */
  render(variables: Readonly<Record<string, unknown>>, now: Date): string;
}

/** The template called `raise_exception`: it does not take this kind of conversation. */
export class TemplateRefusal extends Error {
  override readonly name = "TemplateRefusal";
  constructor() {
    super("the chat template refuses these messages");
  }
}

/** A template that loops over more is not one for chats. */
const range_max = 100_000;

/** Names that a template finds besides its variables; a request may not give variables these names. */
export const templateGlobals: ReadonlySet<string> = new Set([
  "true",
  "false",
  "none",
  "True",
  "False",
  "None",
  "namespace",
  "raise_exception",
  "range",
  "strftime_now",
]);

/**
 * Compiles a Jinja template as llama.cpp and transformers do: blocks are trimmed, and no file or code is in its reach.
 *
 * @throws Error for a template that does not parse.
 */
export function compileTemplate(source: string): ChatTemplate {
  const program = parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true }));
  return {
    source,
    render(variables, now) {
      const environment = new Environment();
      for (const [name, value] of Object.entries(globals(now))) environment.set(name, value);
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      const result = new Interpreter(environment).run(program);
      if (typeof result.value !== "string") throw new Error("a chat template rendered to no text");
      return result.value;
    },
  };
}

function globals(now: Date): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: () => {
      throw new TemplateRefusal();
    },
    range,
    strftime_now: (format: unknown) => strftime(now, String(format)),
  };
}

function range(...bounds: number[]): number[] {
  const [start, stop] = bounds.length === 1 ? [0, bounds[0] ?? 0] : [bounds[0] ?? 0, bounds[1] ?? 0];
  const step = bounds[2] ?? 1;
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= range_max)) throw new Error("a chat template asks for too long a range");
  return Array.from({ length }, (_, i) => start + i * step);
}

/** The directives of Python's `strftime` that chat templates use, in UTC. */
function strftime(date: Date, format: string): string {
  const named = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-US", { ...options, timeZone: "UTC" }).format(date);
  const two = (value: number) => String(value).padStart(2, "0");
  const values: Record<string, () => string> = {
    Y: () => String(date.getUTCFullYear()),
    y: () => two(date.getUTCFullYear() % 100),
    m: () => two(date.getUTCMonth() + 1),
    d: () => two(date.getUTCDate()),
    H: () => two(date.getUTCHours()),
    M: () => two(date.getUTCMinutes()),
    S: () => two(date.getUTCSeconds()),
    b: () => named({ month: "short" }),
    B: () => named({ month: "long" }),
    a: () => named({ weekday: "short" }),
    A: () => named({ weekday: "long" }),
    "%": () => "%",
  };
  return format.replace(/%-?([A-Za-z%])/g, (whole, directive: string) => values[directive]?.() ?? whole);
}
