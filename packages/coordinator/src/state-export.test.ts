import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { verifyBackup } from "./backup/index.js";
import { startTestCoordinator, type TestCoordinator } from "./testing.js";

const ADMIN_KEY = "an-admin-key-that-is-long-enough";
const staged = () => readdirSync(tmpdir()).filter((name) => name.startsWith("umbel-state-"));

describe("the export of a coordinator's state", () => {
  let test: TestCoordinator;
  let identity: string;
  beforeAll(async () => {
    identity = await generateIdentity();
    const stateExportRecipients = await identityToRecipient(identity);
    test = await startTestCoordinator({ adminKey: ADMIN_KEY, adminAccounts: "root", stateExport: "true", stateExportRecipients });
  });
  afterAll(() => test.close());

  const fetchIt = (token: string) => fetch(`${test.url}/v1/admin/state-export`, { headers: { authorization: `Bearer ${token}` } });

  it("opens for its recipient alone, whole, with everything that a coordinator needs", async () => {
    await test.key({ accountId: "alice" });
    const response = await fetchIt(ADMIN_KEY);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="umbel-state-\d+\.ndjson\.gz\.age"$/);
    const directory = mkdtempSync(path.join(tmpdir(), "umbel-test-export-"));
    const file = path.join(directory, "export");
    await writeFile(file, Buffer.from(await response.arrayBuffer()));
    const { manifest } = await verifyBackup(file, { identity });
    expect(manifest.tables.find(({ name }) => name === "users")?.rows).toBeGreaterThan(0);
    expect(manifest.files.map(({ name }) => name)).toContain("sign-in-secret");
    await expect(verifyBackup(file, { identity: await generateIdentity() })).rejects.toThrow("cannot be opened");
    rmSync(directory, { recursive: true });
    expect(test.log.find((line) => line.includes('"state_export"'))).toMatch(/"tables":\d+,"rows":\d+,"files":\d+/);
    await expect.poll(staged).toEqual([]);
  });

  it("is for the operator's key, and not for operators who have signed in", async () => {
    expect((await fetchIt(await test.session("root"))).status).toBe(403);
    expect((await fetchIt(await test.key())).status).toBe(403);
  });

  it("says before the first byte that it failed, and leaves nothing lying about", async () => {
    vi.stubEnv("TMPDIR", path.join(test.home, "no such directory"));
    const response = await fetchIt(ADMIN_KEY).finally(() => vi.unstubAllEnvs());
    expect([response.status, await response.json()]).toMatchObject([500, { error: { code: "export_error" } }]);
    expect(staged()).toEqual([]);
  });
});
