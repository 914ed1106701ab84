import { afterEach, expect, it, vi } from "vitest";
import { VERSION } from "../version.js";
import { updateProvider } from "./provider-update.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  process.exitCode = undefined;
});

/** What the command prints when the coordinator answers like this. */
async function printed(status: number, body: unknown, { json = true, check = true } = {}): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body), { status }));
  await updateProvider({ home: "/nonexistent", coordinator: "https://c.example", channel: "stable", check, json });
  return lines.join("");
}

const offered = {
  ...{ version: "99.1.0", platform: "linux-x64", channel: "stable", url: "https://files.example/umbel.tar.gz" },
  ...{ bundle_hash: "ab".repeat(32), binary_hash: "cd".repeat(32), signature: null, changelog: "Faster.\u001b[2J" },
  ...{ rollout: 100, active: true, created_at: "2026-12-01T12:00:00.000Z" },
};

it("says what is offered, and how to get it", async () => {
  expect(JSON.parse(await printed(200, offered))).toMatchObject({ installed: VERSION, latest: "99.1.0", update_available: true });
  const text = await printed(200, offered, { json: false });
  expect(text).toContain("99.1.0 is offered");
  expect(text).toContain("Faster.[2J\nNothing was fetched: this is a git checkout");
  expect(process.exitCode).toBeUndefined();
});

it("says how to update what Umbel did not install, and exits as not updated when it was to be", async () => {
  const said = JSON.parse(await printed(200, offered, { check: false }));
  expect(said).toMatchObject({ managed: false, updated: false, how: expect.stringMatching(/^cd .* && git pull && npm ci/) });
  expect(process.exitCode).toBe(8);
  const old = { ...offered, version: "0.0.1" };
  expect(JSON.parse(await printed(200, old, { check: false }))).toMatchObject({ update_available: false, updated: false, how: null });
});

it("offers nothing that is older, not there, or no release", async () => {
  expect(JSON.parse(await printed(200, { ...offered, version: "0.0.1" }))).toMatchObject({ update_available: false });
  expect(JSON.parse(await printed(404, { error: { code: "not_found", message: "none" } }))).toMatchObject({ latest: null, how: null });
  await expect(printed(200, { version: "latest" })).rejects.toThrow("is no release");
  await expect(printed(200, { ...offered, url: "http://elsewhere.example/umbel.tar.gz" })).rejects.toThrow("is no release");
  await expect(printed(500, { error: { message: "broken" } })).rejects.toThrow("The coordinator refused: broken.");
});
