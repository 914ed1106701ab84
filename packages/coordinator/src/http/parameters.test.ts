import { readFileSync } from "node:fs";
import { ApiError, type DialectSchemas } from "@umbel/dialects";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { COUNTERS } from "./count-tokens-route.js";
import { SURFACES } from "./inference-routes.js";
import { NESTED_PARAMETERS } from "./testing/nested-parameters.js";
import { parameterPage } from "./testing/parameter-page.js";
import { PARAMETER_TABLES, type SurfaceTable } from "./testing/parameter-table.js";

/** Reads the body of one surface. */
interface Reader {
  readonly schemas: DialectSchemas;
  parse(body: object): unknown;
}

const tables: Readonly<Record<string, SurfaceTable>> = PARAMETER_TABLES;
const READERS: readonly [string, Reader][] = [
  ...SURFACES.map(({ path, dialect }): [string, Reader] => [path, dialect]),
  ...COUNTERS.map(({ path, counting }): [string, Reader] => [path, counting]),
];

describe.each(READERS)("the parameters of %s", (url, reader) => {
  const table = tables[url];
  if (table === undefined) throw new Error(`no table of the parameters of ${url}`);
  const { base, parameters } = table;
  const understood = (more: object): unknown => JSON.parse(JSON.stringify(reader.parse({ ...base, ...more })));

  it("are all in the table that the official client declares", () => {
    expect(declaredParameters(table).filter((name) => !(name in parameters))).toEqual([]);
  });

  it("are all in the table that the API's description names", () => {
    expect(describedParameters(reader.schemas).filter((name) => !(name in parameters))).toEqual([]);
  });

  it.each(Object.entries(parameters))("%s is honoured, documented to have no effect, or refused by name", (name, treatment) => {
    if ("refused" in treatment) return expectRefusal(() => understood({ [name]: treatment.refused }), name);
    if ("accepted" in treatment) {
      for (const value of treatment.accepted) expect(understood({ [name]: value })).toEqual(understood({}));
      return;
    }
    expect(understood({ ...treatment.with, [name]: treatment.honoured })).not.toEqual(understood({ ...treatment.with }));
  });

  it.each(Object.entries(NESTED_PARAMETERS[url] ?? {}))("%s too, within its parameter", (path, treatment) => {
    const [name = ""] = path.split(/[.[]/, 1);
    const ask = (value: unknown) => understood({ ...treatment.with, [name]: value });
    const without = ask(treatment.without);
    if ("refused" in treatment) expectRefusal(() => ask(treatment.refused), name);
    else if ("honoured" in treatment) expect(ask(treatment.honoured)).not.toEqual(without);
    else for (const value of treatment.accepted) expect(ask(value)).toEqual(without);
  });
});

describe("the page on parameters", () => {
  it("says what the tables say", () => {
    expect(readFileSync(new URL("../../../../docs/parameters.md", import.meta.url), "utf8")).toBe(parameterPage());
  });
});

function expectRefusal(parse: () => unknown, name: string): void {
  let refusal: unknown = "it was accepted";
  try {
    parse();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(ApiError);
  expect(refusal).toMatchObject({ status: 400, param: expect.stringMatching(new RegExp(`^${name}\\b`)) });
}

/** Names of the fields of an interface in a declaration file. */
function declaredParameters({ declared: { file, type } }: SurfaceTable): string[] {
  // Hoisted by the workspace; the packages themselves do not let declaration files be resolved.
  const text = readFileSync(new URL(`../../../../node_modules/${file}`, import.meta.url), "utf8");
  const [, block = ""] = new RegExp(`export interface ${type}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(text) ?? [];
  const names = [...block.matchAll(/^ {4}([a-z_]+)\??:/gm)].map(([, field = ""]) => field);
  if (names.length < 3) throw new Error(`${type} was not found in ${file}`);
  return names;
}

/** Names of the fields that the schema of a request has. */
function describedParameters({ request }: DialectSchemas): string[] {
  return Object.keys(z.toJSONSchema(request, { io: "input", unrepresentable: "any" }).properties ?? {});
}
