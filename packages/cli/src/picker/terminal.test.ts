import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type CatalogServer, smallLlama, startCatalogServer, writeGguf } from "@umbel/provider/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const umbel = fileURLToPath(new URL("../../bin/umbel.js", import.meta.url));
const hasTmux = (() => {
  try {
    execFileSync("tmux", ["-V"]);
    return true;
  } catch {
    return false;
  }
})();

let server: CatalogServer;
let home: string;
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), "umbel-terminal-"));
  server = await startCatalogServer();
  for (const id of ["ash", "oak", "yew"]) {
    const bytes = writeGguf({ metadata: smallLlama, data_bytes: id.charCodeAt(0) * 100 });
    await server.publish({ id, version: "1", files: [{ path: "m.gguf", bytes }], entry: { min_ram_gb: id === "yew" ? 4000 : 1 } });
  }
});
afterAll(async () => {
  await server.close();
  await rm(home, { recursive: true });
});

describe.skipIf(!hasTmux)("the picker on a terminal (needs tmux)", () => {
  /** A server of its own, so that nothing of the user's tmux is touched. */
  let socket: string;
  beforeAll(() => {
    // In the home, which goes with the test: tmux leaves its socket behind.
    socket = path.join(home, "tmux");
  });
  const tmux = (...args: string[]): string => execFileSync("tmux", ["-S", socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
  const screen = (): string => tmux("capture-pane", "-p", "-t", "picker");

  async function until(text: string): Promise<string> {
    const deadline_ms = Date.now() + 20_000;
    while (!screen().includes(text)) {
      if (Date.now() > deadline_ms) throw new Error(`"${text}" never showed:\n${screen()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return screen();
  }

  const start = (outcome: string): void => {
    const command = `${process.execPath} ${umbel} models download --coordinator ${server.url} --home ${home} --json > ${outcome}; echo exit $?`;
    tmux("new-session", "-d", "-s", "picker", "-x", "100", "-y", "24", "sh");
    tmux("send-keys", "-t", "picker", command, "Enter");
  };

  it("moves by arrows, marks by space, downloads by enter, leaves by escape", async () => {
    const outcome = path.join(home, "outcome.json");
    try {
      start(outcome);
      const shown = await until("Which models should this machine have?");
      expect(shown).toMatch(/❯ ◯ oak .*suggested/);
      expect(shown).toMatch(/yew .*needs 4000 GiB of memory/);
      tmux("send-keys", "-t", "picker", "Up");
      await until("❯ ◯ ash");
      tmux("send-keys", "-t", "picker", "Space");
      await until("❯ ◉ ash");
      tmux("send-keys", "-t", "picker", "Enter");
      await until("exit 0");
      expect(JSON.parse(await readFile(outcome, "utf8"))).toMatchObject({ models: [{ id: "ash" }] });
      tmux("kill-session", "-t", "picker");
      start(outcome);
      await until("ash");
      await until("✓ here");
      tmux("send-keys", "-t", "picker", "Escape");
      expect(await until("exit 0")).not.toContain("Which models");
      expect(JSON.parse(await readFile(outcome, "utf8"))).toEqual({ models: [] });
    } finally {
      tmux("kill-server");
    }
  }, 60_000);
});

it("takes numbers where there is no terminal", async () => {
  const child = spawn(process.execPath, [
    umbel,
    "models",
    "download",
    "--coordinator",
    server.url,
    "--home",
    path.join(home, "piped"),
    "--json",
  ]);
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdin.end("2\n");
  await new Promise((resolve) => child.once("close", resolve));
  expect(JSON.parse(stdout)).toMatchObject({ models: [{ id: "oak" }] });
  expect(stderr).toContain("  1  ash");
  expect(stderr).not.toContain("yew");
});
