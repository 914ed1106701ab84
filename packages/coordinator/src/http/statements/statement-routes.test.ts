import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

describe("an account's statements", () => {
  let test: TestCoordinator;
  let key: string;
  const month = new Date().toISOString().slice(0, 7);
  const fetchFile = (file: string, token = key) =>
    fetch(`${test.url}/v1/me/statements/${file}`, { headers: { authorization: `Bearer ${token}` } });

  beforeAll(async () => {
    test = await startTestCoordinator();
    key = await test.key({ accountId: "alice", credit_microUsd: 2_500_000n });
  });
  afterAll(() => test.close());

  it("are listed, and read as JSON, CSV and PDF", async () => {
    const { body } = await test.get("/v1/me/statements", key);
    expect(body).toMatchObject({ data: [{ month, is_final: false, opening_usd: "0.000000", closing_usd: "2.500000" }] });
    expect(await (await fetchFile(month)).json()).toMatchObject({
      account_id: "alice",
      items: [{ type: "deposit", name: "Deposits", model: null, entries: 1, amount_usd: "2.500000" }],
    });
    const csv = await fetchFile(`${month}.csv`);
    expect(csv.headers.get("content-type")).toContain("text/csv");
    expect(csv.headers.get("content-disposition")).toBe(`attachment; filename="umbel-statement-${month}.csv"`);
    const rows = (await csv.text())
      .trimEnd()
      .split("\r\n")
      .map((row) => row.split(","));
    expect(rows.map((row) => row[2])).toEqual(["type", "opening_balance", "deposit", "closing_balance"]);
    expect(rows.map((row) => row.at(-1))).toEqual(["balance_usd", "0.000000", "2.500000", "2.500000"]);
    const pdf = await fetchFile(`${month}.pdf`);
    expect(pdf.headers.get("content-type")).toBe("application/pdf");
    expect(
      Buffer.from(await pdf.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe("%PDF-");
  });

  it.each(["2020-01", "2020-01.csv", "2020-01.exe", "nonsense"])("are not there as %s", async (file) => {
    expect((await fetchFile(file)).status).toBe(404);
  });

  it("are of the account that asks", async () => {
    const other = await test.key({ accountId: "bob", credit_microUsd: 0n });
    expect((await fetchFile(`${month}.csv`, other)).status).toBe(404);
  });
});
