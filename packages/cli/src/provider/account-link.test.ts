import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { linkedToken, machineToken, readAccountLink, removeAccountLink, writeAccountLink } from "./account-link.js";

const LINK = { coordinator: "https://umbel.example", account_id: "alice", token: "umbel-pt-1" };
let home: string;
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-link-"));
});
afterEach(() => rm(home, { recursive: true }));

describe("the link to an account", () => {
  it("is kept where nobody else can read it, until it is removed", async () => {
    expect(await readAccountLink(home)).toBeUndefined();
    await writeAccountLink(home, LINK);
    expect(await readAccountLink(home)).toEqual(LINK);
    const [file = ""] = await readdir(home);
    expect((await stat(path.join(home, file))).mode & 0o777).toBe(0o600);
    await removeAccountLink(home);
    expect(await readdir(home)).toEqual([]);
  });

  it("is for its own coordinator only", async () => {
    await writeAccountLink(home, LINK);
    expect(await linkedToken(home, "https://umbel.example/")).toBe(LINK.token);
    expect(await linkedToken(home, "wss://umbel.example")).toBe(LINK.token);
    expect(await linkedToken(home, "https://other.example")).toBeUndefined();
    expect(await linkedToken(home, undefined)).toBeUndefined();
  });

  it("gives the machine its token, unless another one is named; an empty one is none", async () => {
    await writeAccountLink(home, LINK);
    const token = (named?: string) => machineToken(home, LINK.coordinator, named);
    vi.stubEnv("UMBEL_PROVIDER_TOKEN", "");
    expect([await token(), await token(""), await token("named")]).toEqual([LINK.token, LINK.token, "named"]);
    vi.stubEnv("UMBEL_PROVIDER_TOKEN", "given");
    expect([await token(), await token(""), await token("named")]).toEqual(["given", "given", "named"]);
    vi.unstubAllEnvs();
  });

  it("is not guessed at when the file holds something else", async () => {
    await writeFile(path.join(home, "account.json"), "{}");
    await expect(readAccountLink(home)).rejects.toMatchObject({ exitCode: 3 });
  });
});
