import { systemClock } from "@umbel/protocol/native";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCatalog } from "../../catalog/index.js";
import { buildOf } from "../../catalog/testing.js";
import { TEST_BUILD } from "../../fleet/testing/index.js";
import { openStore } from "../../store/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const HOUR_ms = 3_600_000;

describe("a build that is on its way out", () => {
  let test: TestCoordinator;
  let key: string;
  /** By how much the coordinator's calendar is ahead. */
  let ahead_ms = 0;
  beforeEach(async () => {
    ahead_ms = 0;
    const clock = { ...systemClock, date: () => new Date(systemClock.date().getTime() + ahead_ms) };
    test = await startTestCoordinator({ adminKey: ADMIN_KEY }, { clock });
    key = await test.key();
    await test.provider({ serve: (request) => request.answer("Hello.") });
  });
  afterEach(() => test.close());

  const headers = (more: object = {}) => ({ authorization: `Bearer ${key}`, "content-type": "application/json", ...more });
  const body = (more: object = {}) => JSON.stringify({ model: MODEL, max_tokens: 8, messages: [{ role: "user", content: "hi" }], ...more });
  async function ask(pathname = "chat/completions", text = body(), more = {}): Promise<Response> {
    const response = await fetch(`${test.url}/v1/${pathname}`, { method: "POST", headers: headers(more), body: text });
    await response.text();
    return response;
  }
  async function deprecate(deprecation_date: string): Promise<void> {
    const response = await fetch(`${test.url}/v1/admin/models/${TEST_BUILD}/deprecation`, {
      ...{ method: "POST", headers: headers({ authorization: `Bearer ${ADMIN_KEY}` }), body: JSON.stringify({ deprecation_date }) },
    });
    expect(response.status).toBe(200);
  }

  it("says so in every answer, under its name, too, whole or as a stream, until that is taken back", async () => {
    const retirement = (response: Response) => [response.status, response.headers.get("deprecation"), response.headers.get("sunset")];
    expect(retirement(await ask())).toEqual([200, null, null]);
    await deprecate("2027-01-31");
    const end = "Sun, 31 Jan 2027 00:00:00 GMT";
    const asked = [
      await ask(),
      await ask("chat/completions", body({ stream: true })),
      await ask("chat/completions", body({ model: TEST_BUILD })),
      await ask("messages", body(), { "anthropic-version": "2023-06-01" }),
      await ask("responses", JSON.stringify({ model: MODEL, input: "hi" })),
    ];
    // RFC 9745: when it was deprecated; RFC 8594: when it ends.
    for (const response of asked) expect(retirement(response)).toEqual([200, expect.stringMatching(/^@\d{10}$/), end]);
    const { body: list } = await test.get("/v1/models/catalog");
    const [entry] = (list as { models: { id: string; deprecation_date: string | null }[] }).models.filter(({ id }) => id === TEST_BUILD);
    expect(entry?.deprecation_date).toBe("2027-01-31");
    await deprecate("");
    expect(retirement(await ask())).toEqual([200, null, null]);
  });

  it("is served with the weights that were replaced under its id for a day, and not a moment longer", async () => {
    const store = await openStore({ databaseUrl: test.databaseUrl });
    const elsewhere = await createCatalog({ store, clock: systemClock, onRefreshFailed: () => undefined });
    try {
      await elsewhere.register(buildOf(TEST_BUILD, { version: "2", content: "other weights", contextLength_tokens: 8_192 }));
      await served("2");
      expect((await ask()).status).toBe(200);
      ahead_ms = 24 * HOUR_ms - 60_000;
      await reread("2027-01-30");
      expect((await ask()).status).toBe(200);
      ahead_ms = 24 * HOUR_ms + 60_000;
      await reread("2027-01-31");
      expect([429, 503, 504]).toContain((await ask("chat/completions", body(), { "x-umbel-deadline-ms": "2000" })).status);
    } finally {
      await elsewhere.close();
      await store.close();
    }
  });

  const entryOf = async () => (await test.get(`/v1/models/catalog/${TEST_BUILD}`)).body as { version: string; deprecation_date: string };
  async function served(version: string): Promise<void> {
    await expect.poll(async () => (await entryOf()).version).toBe(version);
  }
  /** Any change has the coordinator read its catalogue anew, as it does by itself now and then. */
  async function reread(date: string): Promise<void> {
    await deprecate(date);
    await expect.poll(async () => (await entryOf()).deprecation_date).toBe(date);
  }
});
