import { createFakeClock, type FakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { scriptedEngineScript } from "./script.js";
import { createScriptedEngine } from "./scripted-engine.js";

function loadEmbedder(script: z.input<typeof scriptedEngineScript>, clock: FakeClock, crash: () => void = () => undefined) {
  const engine = createScriptedEngine(scriptedEngineScript.parse(script), { clock, random: () => 0.5, crash });
  return engine.loadEmbedder({ buildId: "b", path: "" }, { sequences: 1, contextLength_tokens: 16 });
}

async function ready(script: z.input<typeof scriptedEngineScript> = {}, crash?: () => void) {
  const clock = createFakeClock();
  const loading = loadEmbedder(script, clock, crash);
  await clock.advance(0);
  return { clock, embedder: await loading };
}

describe("a scripted vector", () => {
  it("follows from the text alone, has length 1, and another text has another", async () => {
    const { clock, embedder } = await ready();
    const asked = Promise.all(["the same", "the same", "another"].map((text) => embedder.embed(embedder.encode(text))));
    await clock.advance(0);
    const [one, two, other] = await asked;
    expect(one).toEqual(two);
    expect(other).not.toEqual(one);
    expect(Math.hypot(...(one ?? []))).toBeCloseTo(1, 6);
    expect(one).toHaveLength(embedder.vectorSize);
  });

  it("takes the scripted time, unless it is aborted or the model unloaded", async () => {
    const { clock, embedder } = await ready({ firstToken_ms: 100 });
    const controller = new AbortController();
    const results: string[] = [];
    for (const signal of [undefined, controller.signal]) {
      embedder.embed(embedder.encode("x"), signal).then(
        () => results.push("vector"),
        (error: Error) => results.push(error.message),
      );
    }
    controller.abort(new Error("enough"));
    await clock.advance(99);
    expect(results).toEqual(["enough"]);
    await clock.advance(1);
    expect(results).toEqual(["enough", "vector"]);
    const last = embedder.embed(embedder.encode("x"));
    await embedder.dispose();
    await expect(last).rejects.toMatchObject({ code: "internal" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("is refused to an input longer than the context", async () => {
    const { embedder } = await ready();
    await expect(embedder.embed(new Int32Array(17))).rejects.toMatchObject({ code: "context_exceeded" });
  });
});

describe("faults", () => {
  it("strike inputs as the script says", async () => {
    const failing = await ready({ faults: [{ kind: "error", at: "first_token", times: 1 }] });
    const struck = failing.embedder.embed(failing.embedder.encode("x"));
    const spared = failing.embedder.embed(failing.embedder.encode("x"));
    const ends = Promise.allSettled([struck, spared]);
    await failing.clock.advance(0);
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);

    let crashes = 0;
    const crashing = await ready({ faults: [{ kind: "crash", at: "first_token" }] }, () => (crashes += 1));
    const last = Promise.allSettled([crashing.embedder.embed(crashing.embedder.encode("x"))]);
    await crashing.clock.advance(0);
    await last;
    expect(crashes).toBe(1);
  });
});
