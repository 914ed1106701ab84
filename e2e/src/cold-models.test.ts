import { afterEach, describe, expect, it } from "vitest";
import { eventually, MODEL, type Script, startNetwork, type TestNetwork } from "./harness/index.js";

const CHAT = "sprout-3m-q8_0";
const EMBED = "sprout-embed-3m-q8_0";
/** A machine that can load so many times, and whatever wants another load fails: what is asked for after that was in memory. */
const machineOf = (loads: number): Script => ({
  ...{ load_ms: 300, answer: { kind: "text", text: "here I am" }, answerTokens: 16 },
  faults: [{ kind: "out_of_memory", at: "load", from: loads + 1 }],
});
/** Capacity is asked for again and again. */
const OFTEN = { UMBEL_PUBLIC_RATE_LIMIT_RPS: "0" };
/** Both builds are on disk, and one of them fits. */
const ROOM_FOR_ONE = ["--models-resident-max", "1"];

const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "are you there?" }], max_tokens: 16 };
const INPUT = { model: "sprout-embed", input: "a leaf in the wind", encoding_format: "float" as const };

describe("models that are on disk and not in memory", () => {
  let network: TestNetwork;
  afterEach(() => network.close());

  /** Waits until so many copies are in memory, as everyone can read. */
  async function inMemory(copies: Readonly<Record<string, number>>): Promise<void> {
    await eventually(`in memory is ${JSON.stringify(copies)}`, async () => {
      const { body } = await network.get("/v1/models/capacity");
      const models = body["models"] as readonly { readonly id: string; readonly warm_providers: number }[];
      const warm = (id: string) => models.find((model) => model.id === id)?.warm_providers ?? 0;
      return Object.entries(copies).every(([id, count]) => warm(id) === count) ? true : undefined;
    });
  }

  it("are loaded for a request in the place of idle ones, and nobody sees more of it than a wait", async () => {
    network = await startNetwork(OFTEN);
    const { openai } = await network.client();
    await network.provider({ script: machineOf(3), args: ROOM_FOR_ONE });
    await inMemory({ [CHAT]: 1, [EMBED]: 0 });

    const vectors = await openai.embeddings.create(INPUT);
    expect(vectors.data[0]?.embedding.length).toBeGreaterThan(0);
    await inMemory({ [CHAT]: 0, [EMBED]: 1 });

    const back = await openai.chat.completions.create(ASK);
    expect(back.choices[0]?.message.content).toContain("here I am");
    await inMemory({ [CHAT]: 1, [EMBED]: 0 });

    const again = await openai.chat.completions.create(ASK);
    expect(again.choices[0]?.message.content).toContain("here I am");
  });

  it("are loaded by the real engine, too", async () => {
    network = await startNetwork(OFTEN);
    const { openai } = await network.client();
    await network.provider({ args: ROOM_FOR_ONE });
    for (let round = 0; round < 2; round++) {
      const vectors = await openai.embeddings.create(INPUT);
      expect(vectors.data[0]?.embedding.length).toBeGreaterThan(0);
      await inMemory({ [CHAT]: 0, [EMBED]: 1 });
      const answer = await openai.chat.completions.create(ASK);
      expect(answer.choices[0]?.message.content).not.toBe("");
      await inMemory({ [CHAT]: 1, [EMBED]: 0 });
    }
  });

  it("are loaded on one of two machines when the coordinator says so, before anybody asks", async () => {
    network = await startNetwork({ ...OFTEN, UMBEL_WARM_POOL_MIN_WARM: `${EMBED}=1,${CHAT}=1`, UMBEL_WARM_POOL_INTERVAL: "1s" });
    const { openai } = await network.client();
    for (let i = 0; i < 2; i++) await network.provider({ script: machineOf(2), args: ROOM_FOR_ONE });
    await inMemory({ [CHAT]: 1, [EMBED]: 1 });
    expect(network.coordinator.output()).toContain("the operator keeps 1 copies, and 0 are in memory");
    // Both are served from memory.
    await Promise.all([openai.embeddings.create(INPUT), openai.chat.completions.create(ASK)]);
    await inMemory({ [CHAT]: 1, [EMBED]: 1 });
  });
});
