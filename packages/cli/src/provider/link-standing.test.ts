import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isEndingSoon, standingOf } from "./link-standing.js";

const DAY_ms = 24 * 3_600_000;
const TOKEN = { id: "pt_1", label: "desk", created_at: "2026-01-01T00:00:00.000Z", last_used_at: null };

describe("how a machine's link stands", () => {
  const answers: Readonly<Record<string, readonly [number, object]>> = {
    standing: [200, { ...TOKEN, expires_at: null }],
    ending: [200, { ...TOKEN, expires_at: "2027-01-01T00:00:00.000Z" }],
    revoked: [401, { error: { code: "authentication_error", message: "no" } }],
    strange: [500, { error: { code: "internal_error", message: "no" } }],
  };
  const server = createServer((request, response) => {
    const [status, body] = answers[request.headers.authorization?.slice("Bearer ".length) ?? ""] ?? [404, {}];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  let url: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it.each([
    ["standing", { isKnown: true, expiresAt: undefined }],
    ["ending", { isKnown: true, expiresAt: new Date("2027-01-01") }],
    ["revoked", { isKnown: false, expiresAt: undefined }],
    ["strange", undefined],
  ])("is what the coordinator says: %s", async (token, expected) => {
    expect(await standingOf(url, token)).toEqual(expected);
  });

  it("is not known where nothing answers", async () => {
    expect(await standingOf("http://127.0.0.1:1", "standing")).toBeUndefined();
  });

  it("is to be renewed two weeks before its end", () => {
    const now = new Date("2026-12-01");
    expect(isEndingSoon(new Date(now.getTime() + 14 * DAY_ms), now)).toBe(false);
    expect(isEndingSoon(new Date(now.getTime() + 14 * DAY_ms - 1), now)).toBe(true);
  });
});
