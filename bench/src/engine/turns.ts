import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ChatRequest, chatRequest } from "@umbel/dialects";
import { serveModels } from "@umbel/provider/measure";
import { SPROUT } from "./bench-model.js";

/** Sentences of the first message: a conversation of some 1,500 tokens. */
const SENTENCES = 75;

export interface Turn {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly firstToken_ms: number;
}

export interface Conversation {
  readonly first: Turn;
  readonly second: Turn;
}

/** First and second turn of long conversations, through template, batcher and engine. */
export async function measureTurns(rounds: number): Promise<Conversation[]> {
  const home = await mkdtemp(path.join(tmpdir(), "umbel-bench-"));
  const served = await serveModels([SPROUT], { home, sequences: 4, models_max: 1 });
  const conversations: Conversation[] = [];
  for (let round = 0; round < rounds; round++) {
    const story = Array.from({ length: SENTENCES }, (_, i) => `The dog went ${round + 3 * i} steps to the red house.`).join(" ");
    const opening = [message("user", `${story} How are you?`)];
    const first = await turn(served, opening, `first-${round}`);
    const second = await turn(
      served,
      [...opening, message("assistant", first.text), message("user", "Good. Say hello.")],
      `second-${round}`,
    );
    conversations.push({ first: first.turn, second: second.turn });
  }
  await served.close();
  await rm(home, { recursive: true });
  return conversations;
}

function message(role: "user" | "assistant", text: string): object {
  return { role, content: [{ type: "text", text }] };
}

async function turn(
  { models, builds }: Awaited<ReturnType<typeof serveModels>>,
  messages: readonly object[],
  requestId: string,
): Promise<{ turn: Turn; text: string }> {
  const build = builds[0] ?? "";
  const request: ChatRequest = chatRequest.parse({ model: build, messages, sampling: { temperature: 0 }, maxOutputTokens: 24 });
  const { signal } = new AbortController();
  const use = await models.use(build, signal, () => undefined, 1000);
  const start_ms = performance.now();
  let [promptTokens, cachedTokens, firstToken_ms, text] = [0, 0, Number.NaN, ""];
  for await (const event of use.model.run(request, { requestId, cacheScope: "bench", signal, onPhase: () => undefined })) {
    if (event.type === "started") [promptTokens, cachedTokens] = [event.promptTokens, event.cachedPromptTokens];
    if (event.type !== "text") continue;
    if (text === "") firstToken_ms = performance.now() - start_ms;
    text += event.text;
  }
  use.release();
  return { turn: { promptTokens, cachedTokens, firstToken_ms }, text };
}
