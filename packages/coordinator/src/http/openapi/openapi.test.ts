import path from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

/** What a version's files are fetched by, what says that an act on a model is unknown, and what Stripe alone calls. */
const UNDOCUMENTED = [
  "GET /v1/blobs/*",
  "GET /v1/provider/earnings",
  "POST /v1/admin/models/*",
  "POST /v1/billing/stripe/webhook",
  "POST /v1/billing/stripe/connect/webhook",
];

describe("the API's description", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({}, { bundledModels: [path.resolve(import.meta.dirname, "../../../../../models/sprout")] });
  });
  afterAll(() => test.close());

  it("is a valid OpenAPI 3.1 document", async () => {
    const { status, body } = await test.get("/openapi.json");
    expect(status).toBe(200);
    expect(await new Validator().validate(body as Parameters<Validator["validate"]>[0])).toEqual({ valid: true });
    expect(body).toMatchObject({ openapi: "3.1.0" });
  });

  it("has every route that the interface is made of", async () => {
    const { body } = await test.get("/openapi.json");
    const { paths } = body as { paths: Record<string, Record<string, unknown>> };
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = test.running.routes.filter(({ url }) => url.startsWith("/v1/")).map(({ method, url }) => `${method} ${url}`);
    const documented = served
      .filter((name) => !UNDOCUMENTED.includes(name))
      .map((name) => name.replace("*", "{id}").replaceAll(/:(\w+)/g, "{$1}"));
    expect(operations.filter((name) => name.includes(" /v1/")).sort()).toEqual(documented.sort());
  });

  it("names every operation once", async () => {
    const { body } = await test.get("/openapi.json");
    const { paths } = body as { paths: Record<string, Record<string, { operationId: string }>> };
    const ids = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("is a page, too, that loads nothing from elsewhere", async () => {
    const response = await fetch(`${test.url}/docs`);
    const page = await response.text();
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page).toContain("/v1/chat/completions");
    expect(page).not.toMatch(/<script|src=|href="http/);
  });
});
