import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { launchdForm, launchdPlist } from "./launchd.js";
import { assertManager, installService, lingerAdvice, serviceForm, serviceName, serviceState, uninstallService } from "./service.js";
import type { Answer, ServiceSpec } from "./service-form.js";
import { systemdForm, systemdUnit } from "./systemd.js";
import { windowsTask } from "./windows-task.js";

const spec: ServiceSpec = {
  name: "umbel-provider",
  command: ["/usr/bin/node", "/opt/umbel/bin/umbel.js", "provider", "start", "--foreground", "--home", '/home/a b/100%/"$x"\\&<y'],
  crashLog: "/home/ada/.umbel/logs/provider-crash.log",
  stop_s: 150,
  userHome: "/home/ada",
  user: { name: "ada", id: 501 },
};
const ok: Answer = { code: 0, stdout: "", stderr: "" };

/** Answers as told by the beginning of a command, and writes down what it was asked. */
function fakeRunner(answers: Readonly<Record<string, Partial<Answer>>> = {}) {
  const asked: string[] = [];
  const run = async (command: readonly string[]): Promise<Answer> => {
    const line = command.join(" ");
    asked.push(line);
    const found = Object.keys(answers).find((start) => line.startsWith(start));
    return { ...ok, ...(found === undefined ? {} : answers[found]) };
  };
  return { asked, run };
}

describe("service files", () => {
  it.each([
    ["systemd.service", systemdUnit],
    ["launchd.plist", launchdPlist],
    ["windows-task.xml", windowsTask],
  ])("are what they were: %s", async (name, render) => {
    await expect(render(spec)).toMatchFileSnapshot(`golden/${name}`);
  });

  it("refuse what would write lines of its own", () => {
    for (const render of [systemdUnit, launchdPlist, windowsTask]) {
      expect(() => render({ ...spec, command: ["/usr/bin/node", "x\nExecStartPre=/bin/evil"] })).toThrow(RangeError);
    }
    expect(() => serviceForm("linux", { ...spec, command: ["a\nb"] }, "/home/ada/.umbel")).toThrow("line break");
  });

  it("have another name for another home", () => {
    expect(serviceName("/home/ada/.umbel", "/home/ada")).toBe("umbel-provider");
    expect(serviceName("/srv/umbel", "/home/ada")).toMatch(/^umbel-provider-[0-9a-f]{8}$/);
  });

  it("are not there for systems without services that are known", () => {
    expect(() => serviceForm("aix", spec, "/home/ada/.umbel")).toThrow("not known");
  });
});

describe("a service", () => {
  let userHome: string;
  beforeEach(() => {
    userHome = mkdtempSync(path.join(tmpdir(), "umbel-service-"));
  });
  afterEach(() => rmSync(userHome, { recursive: true }));

  it("is written, started, stopped and taken away", async () => {
    const form = systemdForm({ ...spec, userHome });
    const { asked, run } = fakeRunner({ "systemctl --user reset-failed": { code: 1 } });
    await installService(form, run);
    expect(readFileSync(form.file.path, "utf8")).toBe(systemdUnit(spec));
    expect(await serviceState(form, run)).toBeDefined();
    await uninstallService(form, run);
    expect(existsSync(form.file.path)).toBe(false);
    expect(await serviceState(form, run)).toBeUndefined();
    expect(asked.filter((line) => !line.includes("reset-failed"))).toEqual([
      "systemctl --user daemon-reload",
      "systemctl --user enable --now umbel-provider.service",
      "systemctl --user show umbel-provider.service --property=ActiveState,SubState,Result,MainPID",
      "systemctl --user disable --now umbel-provider.service",
      "systemctl --user daemon-reload",
    ]);
  });

  it("says what failed, and what to do where there is no manager", async () => {
    const form = systemdForm({ ...spec, userHome });
    const broken = fakeRunner({ "systemctl --user enable": { code: 1, stderr: "Unit is masked" } });
    await expect(installService(form, broken.run)).rejects.toThrow("enable --now umbel-provider.service failed: Unit is masked");
    const none = fakeRunner({ "systemctl --user show-environment": { code: 1, stderr: "Failed to connect to bus\n" } });
    await expect(assertManager(form, none.run)).rejects.toThrow("This session has no systemd (user units): Failed to connect to bus.");
    const absent = fakeRunner({ systemctl: { code: undefined } });
    await expect(assertManager(form, absent.run)).rejects.toMatchObject({
      message: "This session has no systemd (user units): systemctl is not here.",
      remedy: expect.stringContaining("umbel provider start"),
    });
  });

  it("tells its state in the words of the system", () => {
    const systemd = systemdForm(spec);
    const shown = (stdout: string) => systemd.state({ ...ok, stdout });
    expect(shown("ActiveState=active\nSubState=running\nResult=success\nMainPID=4711\n")).toEqual({
      ...{ isRunning: true, pid: 4711, hasGivenUp: false, words: "active (running)" },
    });
    expect(shown("ActiveState=failed\nSubState=failed\nResult=start-limit-hit\nMainPID=0\n")).toEqual({
      ...{ isRunning: false, pid: undefined, hasGivenUp: true, words: "failed (failed, start-limit-hit)" },
    });
    const launchd = launchdForm(spec);
    expect(launchd.state({ ...ok, stdout: "umbel.umbel-provider = {\n\tstate = running\n\n\tpid = 12\n}" })).toMatchObject({
      ...{ isRunning: true, pid: 12 },
    });
    expect(launchd.state({ ...ok, code: 113 })).toMatchObject({ isRunning: false, words: "not loaded" });
  });

  it("advises lingering where it ends with the session", async () => {
    const form = systemdForm(spec);
    expect(await lingerAdvice(form, fakeRunner({ loginctl: { stdout: "no\n" } }).run)).toContain("loginctl enable-linger ada");
    expect(await lingerAdvice(form, fakeRunner({ loginctl: { stdout: "yes\n" } }).run)).toBeUndefined();
    expect(await lingerAdvice(launchdForm(spec), fakeRunner().run)).toBeUndefined();
  });
});
