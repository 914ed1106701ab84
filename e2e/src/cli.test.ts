import { spawnSync } from "node:child_process";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runUmbel, temporaryHome } from "./harness/index.js";

describe("the umbel command", () => {
  const home = temporaryHome();
  afterAll(() => home.remove());

  const run = (...args: string[]) => runUmbel(args, { UMBEL_HOME: home.path });

  it.each([
    [[]],
    [["up"]],
    [["coordinator"]],
    [["provider", "start"]],
    [["keys", "create"]],
    [["keys", "list"]],
    [["keys", "show"]],
    [["keys", "update"]],
    [["keys", "rotate"]],
    [["keys", "revoke"]],
    [["session"]],
    [["admin", "credit"]],
    [["admin", "decisions"]],
    [["explain"]],
    [["chat"]],
  ])("%j explains itself with --help", (command) => {
    const { status, stdout } = run(...command, "--help");
    expect(status).toBe(0);
    expect(stdout).toContain("Usage: umbel");
  });

  it.each([
    [["nonsense"], 2],
    [["up", "--nonsense"], 2],
    [["provider", "start", "--sequences", "many"], 2],
    [["provider", "start", "--foreground", "--engine", "magic"], 2],
    [["provider", "restart"], 1],
    [["provider", "logs"], 1],
    [["provider", "start", "--foreground", "--model", "/nowhere"], 7],
    [["coordinator", "--port", "99999"], 3],
    [["admin", "credit", "--account", "a", "--usd", "-5"], 2],
    [["chat", "--base-url", "http://127.0.0.1:9/v1", "--api-key", "k", "hello"], 5],
    [["chat", "hello"], 4],
    [["session", "--ttl", "721"], 2],
    [["keys", "create", "--rpm", "many"], 2],
    [["keys", "update", "key_000000000000000000000000", "--enable", "--disable"], 2],
  ])("%j fails with exit code %i and says what to do", (command, code) => {
    const { status, stderr } = run(...command);
    expect({ status, stderr }).toMatchObject({ status: code, stderr: expect.stringMatching(/\S/) });
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("is found by npx in a checkout", () => {
    const { status, stdout } = spawnSync("npx", ["--no-install", "umbel", "--version"], {
      encoding: "utf8",
      cwd: path.resolve(import.meta.dirname, "../.."),
    });
    expect({ status, stdout: stdout.trim() }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  });

  it("simulates policies beside each other, in their order, as each would be by itself", () => {
    const digests = (policies: string): readonly (readonly [string, string])[] => {
      const { stdout } = run("simulate", "--scenario", "small", "--duration", "60s", "--policy", policies, "--json", "-");
      const { runs } = JSON.parse(stdout) as { runs: { policy: string; figures: { digest: string } }[] };
      return runs.map(({ policy, figures }) => [policy, figures.digest] as const);
    };
    const both = digests("random,ours");
    expect(both.map(([policy]) => policy)).toEqual(["random", "ours"]);
    expect(both.slice(1)).toEqual(digests("ours"));
  });

  it("makes, lists and revokes keys without a running coordinator", () => {
    const created = JSON.parse(run("keys", "create", "--json", "--account", "alice", "--name", "laptop", "--limit-usd", "2.50").stdout);
    expect(created).toMatchObject({ key: expect.stringMatching(/^sk-um-[0-9a-f]{64}$/), data: { name: "laptop", limit_usd: 2.5 } });
    const listed = JSON.parse(run("keys", "list", "--json", "--account", "alice").stdout);
    expect(listed.data.map((key: { id: string }) => key.id)).toEqual([created.data.id]);
    expect(JSON.stringify(listed)).not.toContain(created.key);
    expect(JSON.parse(run("keys", "revoke", "--json", "--account", "alice", created.data.id).stdout)).toEqual({
      id: created.data.id,
      status: "revoked",
    });
    expect(run("keys", "revoke", "--account", "alice", created.data.id).status).toBe(1);
  });

  it("credits an account once for one idempotency key", () => {
    const credit = () =>
      JSON.parse(run("admin", "credit", "--json", "--account", "bob", "--usd", "3", "--idempotency-key", "gift-1").stdout);
    expect(credit()).toMatchObject({ balance_micro_usd: 3_000_000 });
    expect(credit()).toMatchObject({ balance_micro_usd: 3_000_000 });
  });
});
