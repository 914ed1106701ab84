import { type PolicyName, simulate } from "@umbel/routing/simulator";
import { beforeAll, describe, expect, it } from "vitest";
import { comparison } from "./comparison.js";
import { createProgress } from "./progress.js";
import { htmlReport } from "./report.js";
import { type LoadedScenario, loadScenario } from "./scenario-file.js";

let loaded: LoadedScenario;
beforeAll(async () => {
  loaded = await loadScenario("small", { duration: "60s", providers: "6" });
});

const runs = (...policies: readonly PolicyName[]) => policies.map((policy) => simulate(loaded.scenario, { policy }));

describe("the report of a simulation", () => {
  it("is a page that fetches nothing", () => {
    const page = htmlReport(loaded.scenario, runs("ours", "random"));
    expect(page).not.toMatch(/https?:|src=|@import|url\(/);
    expect(page.match(/<figure class="chart">/g)?.length).toBeGreaterThanOrEqual(12);
    for (const title of ["first token, median", "Utilisation", "Refusals by reason", "Cold loads", "Hedges", "Fairness"])
      expect(page).toContain(title);
  });

  it("lets no text of a scenario be markup", () => {
    const page = htmlReport({ ...loaded.scenario, name: "<script>alert(1)</script>" }, runs("ours"));
    expect(page).not.toContain("<script>alert(1)");
  });

  it("puts policies side by side, a column each", () => {
    const { header, rows } = comparison(runs("ours", "least-pending"));
    expect(header).toEqual(["", "ours", "least-pending"]);
    expect(rows.map(([words]) => words)).toEqual(expect.arrayContaining(["TTFT p50", "TTFT p99", "goodput, requests/s", "hedges"]));
    for (const row of rows) expect(row).toHaveLength(3);
  });
});

describe("progress", () => {
  it("is shown on a terminal, once a step, and nowhere else", () => {
    const written: string[] = [];
    const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0;
    const terminal = createProgress({ isTTY: true, write });
    terminal.show("ours", 0.101);
    terminal.show("ours", 0.102);
    terminal.clear();
    expect(written).toHaveLength(2);
    const pipe = createProgress({ isTTY: false, write });
    pipe.show("ours", 0.5);
    pipe.clear();
    expect(written).toHaveLength(2);
  });
});
