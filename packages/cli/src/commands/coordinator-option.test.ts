import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SESSION_FILE, writeAccountLink } from "../provider/account-link.js";
import { coordinatorOption, withOwnCoordinator } from "./coordinator-option.js";

let home: string;
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "umbel-test-coordinator-"));
  vi.stubEnv("UMBEL_BASE_URL", "");
  vi.stubEnv("UMBEL_PROVIDER_COORDINATOR", "");
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const command = () => new Command().exitOverride().configureOutput({ writeErr: () => undefined });

/** What the action of a command for an account's owner is told. */
async function owned(...args: readonly string[]): Promise<unknown> {
  let told: unknown;
  const owner = withOwnCoordinator(command())
    .option("--home <directory>")
    .action(({ coordinator }) => {
      told = coordinator;
    });
  await owner.parseAsync(["--home", home, ...args], { from: "user" });
  return told;
}

describe("the address of a coordinator", () => {
  it.each([
    ["http://10.0.0.1:9", "http://10.0.0.1:9"],
    ["http://10.0.0.1:9/", "http://10.0.0.1:9"],
    ["https://umbel.example/v1", "https://umbel.example"],
    ["https://umbel.example/network/v1/", "https://umbel.example/network"],
  ])("%s is taken as %s", async (given, understood) => {
    expect(await owned("--coordinator", given)).toBe(understood);
  });

  it("is refused where it is none", async () => {
    await expect(owned("--coordinator", "nowhere")).rejects.toThrow("Give an address such as");
  });

  it("is the option's, else the environment's, else where somebody has signed in, else this machine's", async () => {
    expect(await owned()).toBe("http://127.0.0.1:8080");
    await writeAccountLink(home, { coordinator: "https://signed-in.example", account_id: "alice", token: "token" }, SESSION_FILE);
    expect(await owned()).toBe("https://signed-in.example");
    vi.stubEnv("UMBEL_BASE_URL", "https://umbel.example/v1");
    expect(await owned()).toBe("https://umbel.example");
    expect(await owned("--coordinator", "https://option.example")).toBe("https://option.example");
  });

  it("comes from the first variable that is set", () => {
    const told = () =>
      command()
        .addOption(coordinatorOption("coordinator", ["UMBEL_PROVIDER_COORDINATOR", "UMBEL_BASE_URL"]))
        .parse([], { from: "user" })
        .opts()["coordinator"];
    vi.stubEnv("UMBEL_BASE_URL", "https://umbel.example/v1");
    expect(told()).toBe("https://umbel.example");
    vi.stubEnv("UMBEL_PROVIDER_COORDINATOR", "wss://provider.example");
    expect(told()).toBe("wss://provider.example");
  });
});
