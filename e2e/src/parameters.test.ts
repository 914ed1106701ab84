import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startUp, type UpNetwork } from "./harness/index.js";

type Fields = Readonly<Record<string, unknown>>;

/** A way to ask, and where its answer's words are. */
interface Surface {
  readonly path: string;
  readonly base: Fields;
  /** What the surface calls the bound on an answer. */
  readonly bound: string;
  textOf(body: never): string;
}

const STORY = "Tell me a story about a fox.";
const SURFACES: readonly Surface[] = [
  {
    path: "/chat/completions",
    base: { messages: [{ role: "user", content: STORY }] },
    bound: "max_completion_tokens",
    textOf: ({ choices }: { choices: { message: { content: string } }[] }) => choices[0]?.message.content ?? "",
  },
  {
    path: "/completions",
    base: { prompt: "Once upon a time" },
    bound: "max_tokens",
    textOf: ({ choices }: { choices: { text: string }[] }) => choices[0]?.text ?? "",
  },
  {
    path: "/responses",
    base: { input: STORY },
    bound: "max_output_tokens",
    textOf: ({ output }: { output: { content: { text: string }[] }[] }) => output[0]?.content[0]?.text ?? "",
  },
  {
    path: "/messages",
    base: { messages: [{ role: "user", content: STORY }] },
    bound: "max_tokens",
    textOf: ({ content }: { content: { text: string }[] }) => content[0]?.text ?? "",
  },
];
const TOKENS = 30;
/** Spreads the draws, so that what narrows them shows. */
const WILD = { temperature: 2, seed: 11 };

describe("what changes how a model answers", () => {
  let network: UpNetwork;
  beforeAll(async () => {
    network = await startUp();
  });
  afterAll(() => network.close());

  async function ask({ path, base, bound, textOf }: Surface, fields: Fields): Promise<string> {
    const response = await fetch(network.baseURL + path, {
      method: "POST",
      headers: { authorization: `Bearer ${network.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "sprout", ...base, [bound]: TOKENS, ...fields }),
    });
    const body = (await response.json()) as never;
    if (!response.ok) throw new Error(JSON.stringify(body));
    return textOf(body);
  }

  describe.each(SURFACES.slice(0, 3).map((surface) => [surface.path, surface] as const))("over %s", (_path, surface) => {
    it("temperature and seed draw other words, the same seed the same", async () => {
      const [greedy, wild, again, other] = [
        await ask(surface, { temperature: 0 }),
        await ask(surface, WILD),
        await ask(surface, WILD),
        await ask(surface, { ...WILD, seed: 12 }),
      ];
      expect(wild).not.toBe(greedy);
      expect(again).toBe(wild);
      expect(other).not.toBe(wild);
    });

    it.each([
      ["top_k", { top_k: 1 }],
      ["top_p", { top_p: 0 }],
      ["min_p", { min_p: 1 }],
    ])("%s leaves the likeliest word alone", async (_name, narrowed) => {
      expect(await ask(surface, { ...WILD, ...narrowed })).toBe(await ask(surface, { temperature: 0 }));
    });

    it.each([
      ["frequency_penalty", { frequency_penalty: 2 }],
      ["presence_penalty", { presence_penalty: 2 }],
      ["repetition_penalty", { repetition_penalty: 2 }],
    ])("%s keeps the model from saying things again", async (_name, penalised) => {
      expect(await ask(surface, { temperature: 0, ...penalised })).not.toBe(await ask(surface, { temperature: 0 }));
    });

    it("logit_bias forbids and demands tokens", async () => {
      const forced = await ask(surface, { temperature: 0, logit_bias: { "300": 100 } });
      expect(new Set(forced.match(/\S+/g)).size).toBeLessThan(3);
      const every = Object.fromEntries(Array.from({ length: 512 }, (_, token) => [String(token), -100]));
      expect(await ask(surface, { temperature: 0, logit_bias: every })).not.toBe(await ask(surface, { temperature: 0 }));
    });

    it("stop ends before its text, and the bound after its tokens", async () => {
      const whole = await ask(surface, { temperature: 0 });
      const stop = whole.slice(6, 10);
      expect(await ask(surface, { temperature: 0, stop })).toBe(whole.slice(0, whole.indexOf(stop)));
      const short = await ask(surface, { temperature: 0, [surface.bound]: 3 });
      expect(short.length).toBeLessThan(whole.length);
      expect(whole.startsWith(short)).toBe(true);
    });
  });

  describe("over /messages", () => {
    const [, , , surface] = SURFACES;
    const askMessages = (fields: Fields) => (surface === undefined ? Promise.reject(new Error("no surface")) : ask(surface, fields));

    it("temperature, top_k and top_p", async () => {
      const greedy = await askMessages({ temperature: 0 });
      const drawn = await Promise.all([1, 2, 3, 4].map(() => askMessages({ temperature: 1 })));
      expect(new Set([greedy, ...drawn]).size).toBeGreaterThan(1);
      expect(await askMessages({ temperature: 1, top_k: 1 })).toBe(greedy);
      expect(await askMessages({ temperature: 1, top_p: 0 })).toBe(greedy);
    });

    it("stop_sequences and max_tokens", async () => {
      const whole = await askMessages({ temperature: 0 });
      const stop = whole.slice(6, 10);
      expect(await askMessages({ temperature: 0, stop_sequences: [stop] })).toBe(whole.slice(0, whole.indexOf(stop)));
      expect((await askMessages({ temperature: 0, max_tokens: 3 })).length).toBeLessThan(whole.length);
    });
  });
});
