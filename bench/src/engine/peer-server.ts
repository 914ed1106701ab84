/** Decodes with the bare binding, and writes every token to its stream as an event of its own while the next one is computed. */
import { createServer, type ServerResponse } from "node:http";
import { openDirectEngine } from "./direct.js";
import type { PeerSettings } from "./peer.js";

/** As many as a chat of one short sentence has. */
const PROMPT_TOKENS = 24;
const TOKENS_MAX = 1_000;

const { weights, text } = JSON.parse(process.argv[2] ?? "{}") as PeerSettings;
const direct = await openDirectEngine(weights, []);
const prompt = Uint32Array.from({ length: PROMPT_TOKENS }, (_, i) => 300 + i);
const event = `data: ${JSON.stringify({
  ...{ id: "chatcmpl-0123456789abcdef", object: "chat.completion.chunk", created: 1_800_000_000, model: "peer" },
  choices: [{ index: 0, delta: { content: text }, finish_reason: null }],
})}\n\n`;
let waiting: ServerResponse[] = [];
let last: Promise<unknown> = Promise.resolve();

async function stream(answers: readonly ServerResponse[]): Promise<void> {
  const isOpen = (): boolean => answers.some(({ closed }) => !closed);
  await direct.decode(prompt, answers.length, TOKENS_MAX, () => {
    setImmediate(() => {
      for (const answer of answers) if (!answer.closed) answer.write(event);
    });
    return isOpen() ? "more" : "enough";
  });
  for (const answer of answers) answer.end();
}

const server = createServer((request, response) => {
  request.resume();
  const streams = Number(request.headers["x-streams"]);
  response.writeHead(200, { "content-type": "text/event-stream" });
  waiting.push(response);
  if (waiting.length < streams) return;
  const answers = waiting;
  waiting = [];
  last = last.then(() => stream(answers));
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
