import { Agent, request as httpRequest } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ProviderClient, type ServedRequest, testSlot } from "../fleet/testing/index.js";
import { OFFERED_EMBEDDING, startTestCoordinator, type TestCoordinator } from "../testing.js";
import { bodiesOf, CANARY } from "./testing/hostile-bodies.js";
import { VALID_BODIES } from "./testing/valid-bodies.js";

/** For each surface. `npm run fuzz` sends ten thousand, which takes some minutes; the test suite their beginning. */
const BODIES = Number(process.env["UMBEL_FUZZ_BODIES"] ?? 400);
const AT_ONCE = 16;
const HEARTBEAT_EVERY = 250;
/** Another one finds other bodies; a failure names it. */
const SEED = 20_261_123;

interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

describe("whatever comes as a body", () => {
  let test: TestCoordinator;
  let apiKey: string;
  const providers: ProviderClient[] = [];
  let documented: Record<string, { post: { responses: Record<string, unknown> } }>;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

  beforeAll(async () => {
    test = await startTestCoordinator({
      requestRate_perSecond: "0",
      inputTokens_perMinute: "0",
      outputTokens_perMinute: "0",
      logLevel: "info",
      // On a busy machine an answer may be late, which is not what is looked for here.
      firstContentBase_ms: "10m",
      contentBudget_ms: "10m",
    });
    apiKey = await test.key({ credit_microUsd: 10_000_000_000n });
    providers.push(await test.provider({ serve: (request) => request.answer("an answer") }));
    providers.push(await test.provider({ models: [OFFERED_EMBEDDING], slots: [testSlot({ model: OFFERED_EMBEDDING.id })], serve: embed }));
    documented = ((await test.get("/openapi.json")).body as { paths: typeof documented }).paths;
  });
  afterAll(async () => {
    agent.destroy();
    await test.close();
  });

  function send(path: string, body: Uint8Array): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json", "content-length": body.length };
      const sent = httpRequest(`${test.url}${path}`, { method: "POST", agent, headers }, (response) => {
        const pieces: Buffer[] = [];
        response.on("data", (piece) => pieces.push(piece));
        response.on("end", () => {
          const contentType = response.headers["content-type"] ?? "";
          resolve({ status: response.statusCode ?? 0, contentType, text: Buffer.concat(pieces).toString() });
        });
      });
      sent.on("error", reject).end(body);
    });
  }

  it.each(Object.entries(VALID_BODIES))(
    "%s answers with what is documented, and logs none of it",
    async (path, valid) => {
      const statuses = new Set(Object.keys(documented[path]?.post.responses ?? {}).map(Number));
      const bodies = fc.sample(bodiesOf(valid), { numRuns: BODIES, seed: SEED });
      const seen = new Map<number, number>();
      const wrong: unknown[] = [];
      const logged = test.log.length;

      async function work(): Promise<void> {
        for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
          // Machines that are silent for too long are taken for gone.
          if (bodies.length % HEARTBEAT_EVERY === 0) for (const provider of providers) provider.heartbeat();
          const reply = await send(path, body);
          const { status } = reply;
          seen.set(status, (seen.get(status) ?? 0) + 1);
          if (!statuses.has(status) || status === 500 || answersOf(reply).some(isError) !== status >= 400)
            wrong.push({ status, body: new TextDecoder().decode(body) });
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, work));

      expect(wrong.slice(0, 3)).toEqual([]);
      expect(seen.get(400) ?? 0).toBeGreaterThan(BODIES / 4);
      expect(seen.get(200) ?? 0).toBeGreaterThan(BODIES / 50);
      expect(test.log.slice(logged).filter((line) => line.includes(CANARY))).toEqual([]);
      expect(Reflect.get({}, "polluted")).toBeUndefined();
    },
    900_000,
  );
});

async function embed(request: ServedRequest): Promise<void> {
  const { task } = JSON.parse(new TextDecoder().decode(await request.plaintext())) as { task: { inputs: unknown[] } };
  await request.embed(task.inputs.length);
}

/** The JSON values of a reply: one, or those of its events. */
function answersOf({ contentType, text }: Reply): unknown[] {
  if (contentType !== "text/event-stream") return [JSON.parse(text)];
  const data = text.split("\n").filter((line) => line.startsWith("data: ") && line !== "data: [DONE]");
  return data.map((line): unknown => JSON.parse(line.slice("data: ".length)));
}

/** OpenAI's responses name their error also where there is none. */
function isError(answer: unknown): boolean {
  return typeof answer === "object" && answer !== null && "error" in answer && answer.error !== null;
}
