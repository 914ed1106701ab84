/** What a client understands of an answer, whatever dialect carried it. */
export interface ReadAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string | undefined; readonly name: string; readonly arguments: string }[];
  readonly logprobs: readonly unknown[];
  readonly finish: unknown;
  readonly usage: unknown;
  readonly receipt: unknown;
}

export interface ReadStream {
  /** Undefined when the stream did not say how the answer finished. */
  readonly answer: ReadAnswer | undefined;
  readonly text: string;
  /** The message of the in-band error. */
  readonly error: string | undefined;
  readonly terminators: number;
  readonly endsWithTerminator: boolean;
}

/** How a client reads one dialect: written independently of the renderers, from the dialect's own documentation. */
export interface DialectReading {
  stream(text: string): ReadStream;
  final(value: unknown): ReadAnswer;
}

interface Call {
  id?: string;
  name: string;
  arguments: string;
}

/** Fields of OpenAI's chunk and completion that a client looks at. */
interface WireChoice {
  readonly index: number;
  readonly delta?: WireMessage;
  readonly message?: WireMessage;
  readonly logprobs: { readonly content: readonly unknown[] } | null;
  readonly finish_reason: string | null;
}
interface WireMessage {
  readonly role?: string;
  readonly content?: string | null;
  readonly reasoning?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly index?: number;
    readonly id?: string;
    readonly function: { readonly name?: string; readonly arguments: string };
  }[];
  readonly function_call?: { readonly name?: string; readonly arguments: string };
}
interface WireBody {
  readonly choices: readonly WireChoice[];
  readonly usage?: unknown;
  readonly extras?: { readonly receipt?: string };
  readonly error?: { readonly message: string };
}

export const openAiChatReading: DialectReading = {
  stream(text) {
    const events = text.split("\n\n").slice(0, -1);
    const terminators = events.filter((event) => event === "data: [DONE]").length;
    const bodies = events.filter((event) => event !== "data: [DONE]").map((event) => JSON.parse(event.slice("data: ".length)) as WireBody);
    const reader = createReader();
    for (const body of bodies) reader.read(body);
    return {
      ...reader.result(),
      error: bodies.at(-1)?.error?.message,
      terminators,
      endsWithTerminator: text.endsWith("data: [DONE]\n\n"),
    };
  },
  final(value) {
    const reader = createReader();
    reader.read(value as WireBody);
    const { answer } = reader.result();
    if (answer === undefined) throw new Error("the object has no finish reason");
    return answer;
  },
};

/** What one of several answers says. */
interface Said {
  text: string;
  reasoning: string;
  readonly calls: Map<number, Call>;
  readonly logprobs: unknown[];
  finish?: string;
  opened: boolean;
}

function createReader() {
  const answers = new Map<number, Said>();
  const last: { usage?: unknown; receipt?: unknown } = {};

  const answerAt = (index: number): Said => {
    const said = answers.get(index) ?? { text: "", reasoning: "", calls: new Map(), logprobs: [], opened: false };
    answers.set(index, said);
    return said;
  };

  const read = (choice: WireChoice) => {
    const said = answerAt(choice.index);
    const message = choice.delta ?? choice.message ?? {};
    if (message.role === undefined && !said.opened) throw new Error("an answer begins without a role");
    said.opened = true;
    if (message.reasoning !== message.reasoning_content) throw new Error("the two spellings of reasoning differ");
    said.text += message.content ?? "";
    said.reasoning += message.reasoning ?? "";
    for (const [position, call] of (message.tool_calls ?? []).entries()) addCall(said, call.index ?? position, call.id, call.function);
    if (message.function_call !== undefined) addCall(said, 0, undefined, message.function_call);
    said.logprobs.push(...(choice.logprobs?.content ?? []));
    if (choice.finish_reason !== null) said.finish = choice.finish_reason;
  };

  return {
    read(body: WireBody) {
      for (const choice of body.choices ?? []) read(choice);
      if (body.usage !== undefined) last.usage = body.usage;
      if (body.extras !== undefined) last.receipt = body.extras.receipt;
    },
    result(): Pick<ReadStream, "answer" | "text"> {
      const said = [...answers].sort(([a], [b]) => a - b).map(([, answer]) => answer);
      const text = said.map((answer) => answer.text).join("");
      if (said.length === 0 || said.some(({ finish }) => finish === undefined)) return { answer: undefined, text };
      return {
        text,
        answer: {
          text: said.map((answer) => answer.text).join("\n--\n"),
          reasoning: said.map((answer) => answer.reasoning).join("\n--\n"),
          calls: said.flatMap(callsOf),
          logprobs: said.map(({ logprobs }) => logprobs),
          finish: said.map(({ finish }) => finish),
          usage: last.usage,
          receipt: last.receipt,
        },
      };
    },
  };
}

function addCall(
  said: Said,
  index: number,
  id: string | undefined,
  fragment: { readonly name?: string; readonly arguments: string },
): void {
  const call = said.calls.get(index) ?? { name: "", arguments: "" };
  if (id !== undefined) call.id = id;
  said.calls.set(index, { ...call, name: call.name + (fragment.name ?? ""), arguments: call.arguments + fragment.arguments });
}

function callsOf({ calls }: Said) {
  return [...calls].sort(([a], [b]) => a - b).map(([, call]) => ({ id: call.id, name: call.name, arguments: call.arguments }));
}
