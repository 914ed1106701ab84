import { afterEach, expect, it, vi } from "vitest";
import { VERSION } from "../version.js";
import { checkForUpdate } from "./provider-update.js";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** What the command prints when the coordinator answers like this. */
async function printed(status: number, body: unknown, json = true): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0);
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body), { status }));
  await checkForUpdate({ home: "/nonexistent", coordinator: "https://c.example", channel: "stable", json });
  return lines.join("");
}

it("says what is offered, and how to get it", async () => {
  const offered = { version: "99.1.0", changelog: "Faster.\u001b[2J", channel: "stable" };
  expect(JSON.parse(await printed(200, offered))).toMatchObject({ installed: VERSION, latest: "99.1.0", update_available: true });
  const text = await printed(200, offered, false);
  expect(text).toContain("99.1.0 is offered");
  expect(text).toContain("Faster.[2J\nNothing was fetched.");
});

it("offers nothing that is older, not there, or no release", async () => {
  expect(JSON.parse(await printed(200, { version: "0.0.1", changelog: "", channel: "stable" }))).toMatchObject({ update_available: false });
  expect(JSON.parse(await printed(404, { error: { code: "not_found", message: "none" } }))).toMatchObject({ latest: null, how: null });
  await expect(printed(200, { version: "latest" })).rejects.toThrow("is no release");
  await expect(printed(500, { error: { message: "broken" } })).rejects.toThrow("The coordinator refused: broken.");
});
