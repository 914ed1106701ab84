import { Command } from "commander";
import { afterEach, describe, expect, it, vi } from "vitest";
import { asBaseUrl, baseUrlOption } from "./base-url.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** What a command with this option is told. */
function told(...args: readonly string[]): unknown {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  return command
    .addOption(baseUrlOption())
    .parse([...args], { from: "user" })
    .opts()["baseUrl"];
}

describe("the address of an API", () => {
  it.each([
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"],
    ["http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"],
    [" http://127.0.0.1:8080/v1// ", "http://127.0.0.1:8080/v1"],
    ["https://umbel.example/network", "https://umbel.example/network/v1"],
    ["https://other.example/api/v4", "https://other.example/api/v4"],
    ["wss://umbel.example", "wss://umbel.example/v1"],
  ])("%j is %s", (given, complete) => {
    expect(asBaseUrl(given)).toBe(complete);
  });

  it.each(["127.0.0.1:8080", "localhost:8080", "file:///v1", "http://x/?y=1", "nowhere"])("%j is none", (given) => {
    expect(() => asBaseUrl(given)).toThrow("Give an address such as");
  });

  it("comes from the option, else from the environment, else is this machine's", () => {
    vi.stubEnv("UMBEL_BASE_URL", "");
    expect(told()).toBe("http://127.0.0.1:8080/v1");
    vi.stubEnv("UMBEL_BASE_URL", "http://10.0.0.1:9");
    expect(told()).toBe("http://10.0.0.1:9/v1");
    expect(told("--base-url", "http://10.0.0.2:9")).toBe("http://10.0.0.2:9/v1");
    vi.stubEnv("UMBEL_BASE_URL", "nowhere");
    expect(() => told()).toThrow("UMBEL_BASE_URL");
  });
});
