import type OpenAI from "openai";
import { afterEach, describe, expect, it } from "vitest";
import type { ProviderClient, ServedRequest } from "./fleet/testing/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "./testing.js";

const ASK = { model: MODEL, messages: [{ role: "user" as const, content: "hello there" }] };
const MINIMUM_microUsd = 100;
const SELF = { headers: { "X-Umbel-Route": "self" } };

describe("a consumer's choice of machines", () => {
  let test: TestCoordinator;
  afterEach(() => test.close());

  const says = (text: string) => ({ serve: (request: ServedRequest) => request.answer(text) });
  const said = ({ choices }: OpenAI.ChatCompletion) => choices[0]?.message.content;

  /** Alice's machine among others', and her client. */
  async function aliceWithMachine(
    settings?: Parameters<typeof startTestCoordinator>[0],
  ): Promise<{ readonly openai: OpenAI; readonly apiKey: string; readonly own: ProviderClient }> {
    test = await startTestCoordinator(settings);
    const apiKey = await test.key({ accountId: "alice" });
    const own = await test.provider({ ...says("mine"), authToken: await test.providerToken("alice") });
    await test.provider({ ...says("another's"), authToken: await test.providerToken("bob") });
    return { openai: await test.client(apiKey), apiKey, own };
  }

  /** Resolves when the coordinator has noticed, too. */
  async function unplug(machine: ProviderClient): Promise<void> {
    machine.kill();
    const online = async () => Number(Object(await test.get("/health")).body.providers);
    while ((await online()) > 1) await new Promise(setImmediate);
  }

  it("reaches one's own machine alone, free of charge", async () => {
    const { openai, apiKey } = await aliceWithMachine();
    for (let ask = 0; ask < 4; ask += 1) expect(said(await openai.chat.completions.create(ASK, SELF))).toBe("mine");
    expect(await test.settledBalance(apiKey)).toBe(1_000_000);
  });

  it("is held to the limits on one's own machine, too: what it made counts", async () => {
    const { openai } = await aliceWithMachine({ outputTokens_perMinute: "1", outputTokensBurst: "1000" });
    const left = async () => {
      const { response } = await openai.chat.completions.create({ ...ASK, max_tokens: 100 }, SELF).withResponse();
      return Number(response.headers.get("x-ratelimit-remaining-output-tokens"));
    };
    expect(await left()).toBe(900);
    expect(await left()).toBe(899);
  });

  it("needs no money for one's own machine, and no other is asked when it is gone", async () => {
    const { own } = await aliceWithMachine();
    const poor = await test.client(await test.key({ accountId: "alice", credit_microUsd: 0n, selfRouteOnly: true }));
    expect(said(await poor.chat.completions.create(ASK))).toBe("mine");
    await unplug(own);
    await expect(poor.chat.completions.create(ASK)).rejects.toMatchObject({ status: 503, code: "machine_offline" });
    const stranger = await test.client(await test.key({ accountId: "carol" }));
    await expect(stranger.chat.completions.create(ASK, SELF)).rejects.toMatchObject({ status: 409, code: "no_linked_machine" });
  });

  it("may prefer one's own machine, and pays another when it is gone", async () => {
    const { openai, apiKey, own } = await aliceWithMachine();
    const prefer = { headers: { "x-umbel-route": "PREFER" } };
    expect(said(await openai.chat.completions.create(ASK, prefer))).toBe("mine");
    expect(await test.settledBalance(apiKey)).toBe(1_000_000);
    await unplug(own);
    expect(said(await openai.chat.completions.create(ASK, prefer))).toBe("another's");
    expect(await test.settledBalance(apiKey)).toBe(1_000_000 - MINIMUM_microUsd);
  });

  it("can be pinned to machines by their public ids, and falls to no other", async () => {
    const { openai } = await aliceWithMachine();
    const ids = new Map<string, string>();
    for (let ask = 0; ids.size < 2 && ask < 200; ask += 1) {
      const { data, response } = await openai.chat.completions.create(ASK).withResponse();
      ids.set(said(data) ?? "", response.headers.get("x-provider-id") ?? "");
    }
    for (const [name, id] of ids) {
      const pinned: OpenAI.ChatCompletionCreateParamsNonStreaming & { readonly provider_serial: string } = { ...ASK, provider_serial: id };
      for (let ask = 0; ask < 4; ask += 1) expect(said(await openai.chat.completions.create(pinned))).toBe(name);
    }
    const nowhere: OpenAI.ChatCompletionCreateParamsNonStreaming & { readonly provider_serial: string } = {
      ...ASK,
      provider_serial: "nobody",
    };
    await expect(openai.chat.completions.create(nowhere)).rejects.toMatchObject({ status: 503 });
  });
});
