import { readFileSync } from "node:fs";
import { type AnyDialect, ApiError } from "@umbel/dialects";
import { describe, expect, it } from "vitest";
import { SURFACES } from "./inference-routes.js";
import { parameterPage } from "./testing/parameter-page.js";
import { PARAMETER_TABLES, type SurfaceTable } from "./testing/parameter-table.js";

const tables: Readonly<Record<string, SurfaceTable>> = PARAMETER_TABLES;

describe.each(SURFACES.map(({ path: url, dialect }) => [url, dialect] as const))("the parameters of %s", (url, dialect) => {
  const table = tables[url];
  if (table === undefined) throw new Error(`no table of the parameters of ${url}`);
  const { base, parameters } = table;

  it("are all in the table that the official client declares", () => {
    const missing = declaredParameters(table).filter((name) => !(name in parameters));
    expect(missing).toEqual([]);
  });

  it.each(Object.entries(parameters))("%s is honoured, documented to have no effect, or refused by name", (name, treatment) => {
    if ("refused" in treatment) {
      expect(refusal(dialect, { ...base, [name]: treatment.refused })).toMatchObject({
        status: 400,
        param: expect.stringMatching(`^${name}`),
      });
      return;
    }
    if ("accepted" in treatment) {
      const without = understood(dialect, base);
      for (const value of treatment.accepted) expect(understood(dialect, { ...base, [name]: value })).toEqual(without);
      return;
    }
    const surroundings = { ...base, ...treatment.with };
    expect(understood(dialect, { ...surroundings, [name]: treatment.honoured })).not.toEqual(understood(dialect, surroundings));
  });
});

describe("the page on parameters", () => {
  it("says what the tables say", () => {
    expect(readFileSync(new URL("../../../../docs/parameters.md", import.meta.url), "utf8")).toBe(parameterPage());
  });
});

function understood(dialect: AnyDialect<unknown>, body: object): unknown {
  return JSON.parse(JSON.stringify(dialect.parse(body)));
}

function refusal(dialect: AnyDialect<unknown>, body: object): unknown {
  try {
    dialect.parse(body);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

/** Names of the fields of an interface in a declaration file. */
function declaredParameters({ declared: { file, type } }: SurfaceTable): string[] {
  // Hoisted by the workspace; the packages themselves do not let declaration files be resolved.
  const text = readFileSync(new URL(`../../../../node_modules/${file}`, import.meta.url), "utf8");
  const [, block = ""] = new RegExp(`export interface ${type}[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text) ?? [];
  const names = [...block.matchAll(/^ {4}([a-z_]+)\??:/gm)].map(([, field = ""]) => field);
  if (names.length < 3) throw new Error(`${type} was not found in ${file}`);
  return names;
}
