import { strFromU8, unzipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

describe("what people may ask of what is kept of them", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({ financialRate_perSecond: "0" });
    await test.key({ accountId: "alice" });
  });
  afterAll(() => test.close());

  async function call(method: string, path: string, body?: unknown) {
    const headers = { authorization: `Bearer ${await test.session("alice")}` };
    return fetch(`${test.url}/v1/me/${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }

  it("is a zip of JSON files", async () => {
    const response = await call("GET", "export");
    expect(response.headers.get("content-type")).toBe("application/zip");
    const files = unzipSync(new Uint8Array(await response.arrayBuffer()));
    const read = (name: string): unknown => JSON.parse(strFromU8(files[`${name}.json`] ?? new Uint8Array()));
    expect(read("profile")).toMatchObject([{ account_id: "alice" }]);
    expect(read("ledger")).toMatchObject([{ amount: 1_000_000 }]);
    expect(read("machines")).toEqual([]);
  });

  it("and its end, which can be cancelled", async () => {
    expect((await call("POST", "erase", { confirm: "bob" })).status).toBe(400);
    const asked = await call("POST", "erase", { confirm: "alice" });
    expect(asked.status).toBe(202);
    const erasure = await asked.json();
    expect(erasure).toMatchObject({ erasure_id: expect.stringMatching(/^era_/) });
    expect(await (await call("GET", "erase")).json()).toEqual(erasure);
    expect((await call("POST", "erase", { confirm: "alice" })).status).toBe(409);
    expect(await (await call("DELETE", "erase")).json()).toEqual({ status: "cancelled" });
    expect((await call("GET", "erase")).status).toBe(404);
  });

  it("but not with an API key", async () => {
    expect((await test.get("/v1/me/export", await test.key({ accountId: "alice" }))).status).toBe(403);
  });
});
