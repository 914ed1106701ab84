import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, temporaryHome, type UmbelProcess, umbel } from "./harness/umbel.js";

describe("umbel provider login", () => {
  const owner = temporaryHome();
  const machine = temporaryHome();
  let coordinator: UmbelProcess;
  let url: string;
  beforeAll(async () => {
    coordinator = umbel(["coordinator", "--json", "--port", "0", "--home", owner.path]);
    url = String((await coordinator.ready)["url"]);
  });
  afterAll(async () => {
    await coordinator.stop();
    owner.remove();
    machine.remove();
  });

  it("links a machine to the account that approves its code; revoking its token ends its provider, and login begins anew", async () => {
    const login = umbel(["provider", "login", "--json", "--coordinator", url, "--home", machine.path]);
    const code = await eventually("a code is shown", async () => /Code: (\S+),/.exec(login.output())?.[1]);
    const at = ["--coordinator", url, "--home", owner.path, "--account", "local", "--json"];
    const unsure = umbel(["device", "approve", code, ...at]);
    expect((await unsure.exited).code).toBe(1);
    expect(unsure.output()).toContain("Machine: ");
    expect(await umbel(["device", "approve", code, "--yes", ...at]).ready).toMatchObject({ status: "approved" });
    expect(await login.ready).toEqual({ account_id: "local", coordinator: url, expires_at: null });

    const serving = umbel([
      "provider",
      "start",
      "--json",
      "--foreground",
      "--engine",
      "scripted",
      "--coordinator",
      url,
      "--home",
      machine.path,
    ]);
    await serving.ready;
    const { data } = (await umbel(["device", "list", ...at]).ready) as { data: readonly { id: string }[] };
    expect(data).toHaveLength(1);
    expect(await umbel(["device", "revoke", data[0]?.id ?? "", ...at]).ready).toMatchObject({ status: "revoked" });
    expect((await serving.exited).code).toBe(4);
    expect(serving.output()).toContain("umbel provider login");

    const again = umbel(["provider", "login", "--json", "--coordinator", url, "--home", machine.path]);
    await eventually("a new code is shown", async () => /Code: (\S+),/.exec(again.output())?.[1]);
    await again.stop();
    const logout = await umbel(["provider", "logout", "--json", "--home", machine.path]).ready;
    expect(logout).toEqual({ account_id: "local", coordinator: url, revoked: true });
  });
});
