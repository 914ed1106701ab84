import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, stat, utimes } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askProvider } from "./control-client.js";
import { ControlError } from "./control-error.js";
import { controlPath } from "./control-path.js";
import { type ControlServer, startControl } from "./control-server.js";
import { CONTROL_LIMITS } from "./limits.js";

describe("a running provider", () => {
  let home: string;
  const servers: ControlServer[] = [];
  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), "umbel-control-"));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await rm(home, { recursive: true });
  });

  async function listen(folder = home): Promise<ControlServer> {
    const server = await startControl(folder, {
      status: async () => ({ pid: process.pid }),
      pause: async ({ minutes }) => `paused for ${minutes}`,
      fail: async () => {
        throw new Error("it cannot be done: try later");
      },
    });
    servers.push(server);
    return server;
  }

  async function codeOf(asked: Promise<unknown>): Promise<[string, string]> {
    const error = await asked.catch((thrown: unknown) => thrown);
    if (error instanceof ControlError) return [error.code, error.message];
    throw error instanceof Error ? error : new Error("it was answered");
  }

  it("answers its owner, and tells what went wrong", async () => {
    await listen();
    expect(await askProvider(home, "status")).toEqual({ pid: process.pid });
    expect(await askProvider(home, "pause", { minutes: 5 })).toBe("paused for 5");
    expect(await codeOf(askProvider(home, "fail"))).toEqual(["refused", "it cannot be done: try later"]);
    expect((await codeOf(askProvider(home, "toString")))[0]).toBe("refused");
    expect((await stat(controlPath(home))).mode & 0o777).toBe(0o600);
  });

  it("is not there for anybody before it listens and after it has closed", async () => {
    expect((await codeOf(askProvider(home, "status")))[0]).toBe("not_running");
    await (await listen()).close();
    expect((await codeOf(askProvider(home, "status")))[0]).toBe("not_running");
  });

  it("is alone on its home, and of several that begin at once one is", async () => {
    await listen();
    expect(await codeOf(listen())).toEqual(["already_running", `A provider already runs on ${home} (process ${process.pid}).`]);
    const folder = path.join(home, "crowd");
    const begun = await Promise.allSettled(Array.from({ length: 8 }, () => listen(folder)));
    expect(begun.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it.skipIf(process.platform === "win32")("takes the place of one that was killed, once, whoever was killed while doing so", async () => {
    const address = controlPath(home);
    const child = spawn(
      process.execPath,
      ["-e", `require("node:net").createServer().listen(${JSON.stringify(address)}, () => console.log("up"))`],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const abandoned = new Date(Date.now() - CONTROL_LIMITS.takeover_age_ms_max - 1_000);
    await mkdir(`${address}.takeover`);
    await utimes(`${address}.takeover`, abandoned, abandoned);
    const begun = await Promise.allSettled(Array.from({ length: 4 }, () => listen()));
    expect(begun.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await askProvider(home, "status")).toEqual({ pid: process.pid });
  });

  it("listens to no nonsense, and to nobody who says too much", async () => {
    await listen();
    for (const [said, heard] of [
      ["nonsense\n", /error/],
      ['{"ask":7}\n', /error/],
      ["x".repeat(CONTROL_LIMITS.line_bytes_max + 1), /^$|error/],
    ] as const) {
      const socket = createConnection(controlPath(home));
      let text = "";
      socket.on("data", (data) => {
        text += String(data);
      });
      socket.on("error", () => undefined);
      socket.write(said);
      await once(socket, "close");
      expect(text).toMatch(heard);
    }
    expect(await askProvider(home, "status")).toEqual({ pid: process.pid });
  });

  it("listens where the path is not too long, and under a name of its own on Windows", () => {
    expect(controlPath("/home/me/.umbel/provider", "linux")).toBe("/home/me/.umbel/provider/control.sock");
    const deep = `/${"very-deep/".repeat(20)}`;
    expect(Buffer.byteLength(controlPath(deep, "linux"))).toBeLessThanOrEqual(CONTROL_LIMITS.path_bytes_max);
    expect(controlPath("/home", "win32")).toMatch(/^\\\\\.\\pipe\\umbel-[0-9a-f]{16}$/);
  });
});
