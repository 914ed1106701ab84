import { readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import OpenAI, { APIConnectionError, APIError, APIUserAbortError } from "openai";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { resolveHome } from "../home.js";
import { LOCAL_KEY_FILE } from "../local-accounts.js";
import { createOutput, type Output } from "../output.js";

export interface ChatOptions {
  readonly baseUrl: string;
  readonly apiKey?: string;
  readonly home?: string;
  readonly model: string;
  readonly system?: string;
  readonly temperature?: string;
  readonly json?: boolean;
}

type Message = OpenAI.Chat.ChatCompletionMessageParam;

/** `umbel chat`: one question, or a conversation. */
export async function chat(message: string | undefined, options: ChatOptions): Promise<void> {
  const output = createOutput(options);
  const client = new OpenAI({ baseURL: options.baseUrl, apiKey: await apiKeyOf(options), maxRetries: 2 });
  const history: Message[] = options.system === undefined ? [] : [{ role: "system", content: options.system }];
  const question = message === "-" || (message === undefined && !process.stdin.isTTY) ? await readAll(process.stdin) : message;
  if (question !== undefined) await ask(client, options, [...history, { role: "user", content: question }], output, undefined);
  else if (output.json)
    throw new CliError("--json needs a message.", EXIT_CODES.usage, 'Give it as an argument: umbel chat --json "Hello"');
  else await converse(client, options, history, output);
}

async function apiKeyOf(options: ChatOptions): Promise<string> {
  const given = options.apiKey ?? process.env["UMBEL_API_KEY"];
  if (given !== undefined && given !== "") return given;
  const file = path.join(resolveHome(options.home), LOCAL_KEY_FILE);
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    throw new CliError(
      "There is no API key to chat with.",
      EXIT_CODES.authentication,
      "Give one with --api-key or UMBEL_API_KEY, or start a network here with `umbel up`.",
      { cause },
    );
  }
}

/** One question; prints the answer as it streams and returns it. */
async function ask(
  client: OpenAI,
  options: ChatOptions,
  messages: Message[],
  output: Output,
  signal: AbortSignal | undefined,
): Promise<string> {
  const temperature = options.temperature === undefined ? {} : { temperature: Number(options.temperature) };
  try {
    const stream = await client.chat.completions.create(
      { model: options.model, messages, stream: true, stream_options: { include_usage: true }, ...temperature },
      signal === undefined ? {} : { signal },
    );
    let text = "";
    let finishReason: string | null = null;
    let usage: OpenAI.CompletionUsage | null | undefined;
    for await (const chunk of stream) {
      const piece = chunk.choices[0]?.delta.content ?? "";
      text += piece;
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
      usage = chunk.usage ?? usage;
      if (!output.json) process.stdout.write(piece);
    }
    output.line();
    output.result({ model: options.model, content: text, finish_reason: finishReason, usage });
    return text;
  } catch (error) {
    throw asCliError(error, options);
  }
}

function asCliError(error: unknown, options: ChatOptions): unknown {
  if (error instanceof APIUserAbortError) return error;
  if (error instanceof APIConnectionError) {
    return new CliError(
      `Nothing answers at ${options.baseUrl}.`,
      EXIT_CODES.network,
      "Start the network with `umbel up`, or point --base-url at one.",
      { cause: error },
    );
  }
  if (!(error instanceof APIError)) return error;
  if (error.status === 401)
    return new CliError("The API key was not accepted.", EXIT_CODES.authentication, "Make one with `umbel keys create`.", { cause: error });
  return new CliError(error.message, EXIT_CODES.failure, undefined, { cause: error });
}

/** Questions and answers until end of input. Ctrl-C stops an answer, or the conversation when none is running. */
async function converse(client: OpenAI, options: ChatOptions, history: Message[], output: Output): Promise<void> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  let running: AbortController | undefined;
  let closed = false;
  terminal.on("SIGINT", () => (running === undefined ? terminal.close() : running.abort()));
  terminal.once("close", () => {
    closed = true;
    running?.abort();
  });
  output.line(`Talking to ${options.model}. Ctrl-C stops an answer, Ctrl-D ends the conversation.`);
  while (!closed) {
    const question = await nextLine(terminal);
    if (question === undefined) break;
    if (question.trim() === "") continue;
    running = new AbortController();
    history.push({ role: "user", content: question });
    try {
      history.push({ role: "assistant", content: await ask(client, options, history, output, running.signal) });
    } catch (error) {
      history.pop();
      if (!(error instanceof APIUserAbortError || error instanceof CliError)) throw error;
      output.line();
      output.note(error instanceof CliError ? `${error.message}${error.remedy === undefined ? "" : ` ${error.remedy}`}` : "(stopped)");
    } finally {
      running = undefined;
    }
  }
  terminal.close();
}

/** The next line, or undefined at the end of input. `question` never settles when the input ends, so the end is raced. */
function nextLine(terminal: ReturnType<typeof createInterface>): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const ended = () => resolve(undefined);
    terminal.once("close", ended);
    terminal.question("> ").then((line) => {
      terminal.off("close", ended);
      resolve(line);
    }, reject);
  });
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8").trim();
}
