import path from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCoordinator, type TestCoordinator } from "../../testing.js";

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
    expect(operations.sort()).toEqual([
      "DELETE /v1/admin/invite-codes",
      "DELETE /v1/admin/models/aliases/{id}",
      "DELETE /v1/admin/models/{id}/versions/{version}",
      "DELETE /v1/admin/publishing-keys/{id}",
      "DELETE /v1/admin/releases",
      "DELETE /v1/auth/keys",
      "DELETE /v1/device/token",
      "DELETE /v1/keys/{id}",
      "DELETE /v1/me/erase",
      "DELETE /v1/me/provider-tokens/{id}",
      "DELETE /v1/me/providers/{id}",
      "DELETE /v1/pricing",
      "GET /health",
      "GET /readyz",
      "GET /v1/admin/audit",
      "GET /v1/admin/calibration",
      "GET /v1/admin/decisions",
      "GET /v1/admin/decisions/export",
      "GET /v1/admin/decisions/{id}",
      "GET /v1/admin/invite-codes",
      "GET /v1/admin/models",
      "GET /v1/admin/models/aliases",
      "GET /v1/admin/models/{id}/versions",
      "GET /v1/admin/publishing-keys",
      "GET /v1/admin/rejections",
      "GET /v1/admin/rejections/export",
      "GET /v1/admin/releases",
      "GET /v1/admin/settings",
      "GET /v1/admin/users",
      "GET /v1/admin/users/{id}/ledger",
      "GET /v1/admin/utilization",
      "GET /v1/catalog/keys",
      "GET /v1/decisions/{id}",
      "GET /v1/device/pending",
      "GET /v1/encryption-key",
      "GET /v1/key",
      "GET /v1/keys",
      "GET /v1/keys/{id}",
      "GET /v1/leaderboard",
      "GET /v1/me/erase",
      "GET /v1/me/export",
      "GET /v1/me/pricing",
      "GET /v1/me/provider-tokens",
      "GET /v1/me/providers",
      "GET /v1/me/providers/{id}/why",
      "GET /v1/me/statements",
      "GET /v1/me/statements/{file}",
      "GET /v1/me/visibility",
      "GET /v1/models",
      "GET /v1/models/capacity",
      "GET /v1/models/catalog",
      "GET /v1/models/catalog/manifest/{id}",
      "GET /v1/models/catalog/{id}",
      "GET /v1/models/openrouter",
      "GET /v1/models/{id}",
      "GET /v1/network/totals",
      "GET /v1/payments/balance",
      "GET /v1/pricing",
      "GET /v1/referral/info",
      "GET /v1/referral/stats",
      "GET /v1/releases/latest",
      "GET /v1/stats",
      "PATCH /v1/keys/{id}",
      "POST /v1/admin/credit",
      "POST /v1/admin/drain",
      "POST /v1/admin/invite-codes",
      "POST /v1/admin/models/aliases",
      "POST /v1/admin/models/aliases/{id}/rollback",
      "POST /v1/admin/models/register",
      "POST /v1/admin/models/{id}/capabilities",
      "POST /v1/admin/models/{id}/deprecation",
      "POST /v1/admin/models/{id}/price",
      "POST /v1/admin/models/{id}/promote",
      "POST /v1/admin/models/{id}/revoke",
      "POST /v1/admin/models/{id}/rollback",
      "POST /v1/admin/models/{id}/status",
      "POST /v1/admin/publishing-keys",
      "POST /v1/admin/reward",
      "POST /v1/admin/users/{id}/freeze",
      "POST /v1/admin/users/{id}/unfreeze",
      "POST /v1/auth/keys",
      "POST /v1/chat/completions",
      "POST /v1/completions",
      "POST /v1/device/approve",
      "POST /v1/device/code",
      "POST /v1/device/deny",
      "POST /v1/device/token",
      "POST /v1/embeddings",
      "POST /v1/invite/redeem",
      "POST /v1/keys",
      "POST /v1/keys/{id}/rotate",
      "POST /v1/me/erase",
      "POST /v1/messages",
      "POST /v1/messages/count_tokens",
      "POST /v1/referral/apply",
      "POST /v1/referral/register",
      "POST /v1/releases",
      "POST /v1/responses",
      "POST /v1/responses/input_tokens",
      "PUT /v1/admin/pricing",
      "PUT /v1/admin/users/platform-fee",
      "PUT /v1/admin/users/role",
      "PUT /v1/me/visibility",
      "PUT /v1/pricing",
    ]);
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
