import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { CoordinatorRunningError, openStore, type SessionEvent, type Store } from "./index.js";

let home: string;
const open: Store[] = [];

async function join(onEvent?: (event: SessionEvent) => void): Promise<Store> {
  const store = await openStore({ home, durability: "none", ...(onEvent ? { onEvent } : {}) });
  open.push(store);
  return store;
}

async function serverPid(): Promise<number | undefined> {
  const text = await readFile(path.join(home, "postgres", "data", "postmaster.pid"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : Number(text.split("\n")[0]);
}

beforeAll(async () => {
  home = await mkdtemp(path.join(os.tmpdir(), "umbel-store-"));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((store) => store.close()));
});
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
});

describe("a store with its own Postgres", () => {
  it("is shared by processes, and stopped by the last that leaves", async () => {
    const first = await openStore({ home, durability: "none" });
    const second = await openStore({ home, durability: "none" });
    await first.client`insert into users (account_id, display_name) values ('shared', 'Shared')`;
    await first.close();
    expect(await second.client`select display_name from users`).toEqual([{ display_name: "Shared" }]);
    await second.close();
    expect(await serverPid()).toBeUndefined();
  });

  it("reads much over connections of its own, a few at a time, so that whoever reads keeps no money waiting", async () => {
    const { client, reports } = await join();
    const ended: string[] = [];
    const lists = Array.from({ length: 40 }, () => reports.client`select pg_sleep(0.05)`.then(() => ended.push("list")));
    await client`select 1`.then(() => ended.push("money"));
    await Promise.all(lists);
    expect(ended.indexOf("money")).toBeLessThan(9);
    const [readers] = await client<{ count: bigint }[]>`select count(*) from pg_stat_activity where application_name = 'umbel reports'`;
    expect(readers?.count).toBe(8n);
    expect(await reports.client`show statement_timeout`).toEqual([{ statement_timeout: "10s" }]);
    expect(await client`show statement_timeout`).toEqual([{ statement_timeout: "5s" }]);
  });

  it("is not stopped under somebody who comes as the last one leaves", async () => {
    let present = await openStore({ home, durability: "none" });
    for (let round = 0; round < 5; round += 1) {
      const [next] = await Promise.all([openStore({ home, durability: "none" }), present.close()]);
      await next.ping();
      present = next;
    }
    await present.close();
    expect(await serverPid()).toBeUndefined();
  });

  it("has one coordinator at a time, and names it to the next", async () => {
    const [holder, other] = await Promise.all([join(), join()]);
    const before = Date.now();
    await holder.claimCoordinator("first");
    const refusal = await other.claimCoordinator("second").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CoordinatorRunningError);
    expect(refusal).toMatchObject({ pid: process.pid });
    if (refusal instanceof CoordinatorRunningError) expect(Math.abs(refusal.startedAt.getTime() - before)).toBeLessThan(60_000);
    await holder.close();
    open.splice(open.indexOf(holder), 1);
    await other.claimCoordinator("second");
    expect(await other.client`select id from coordinator_instances order by id`).toEqual([{ id: "first" }, { id: "second" }]);
  });

  it("comes back when the server dies, and keeps its claim", async () => {
    const events: string[] = [];
    let back: () => void = () => undefined;
    const returned = new Promise<void>((resolve) => {
      back = resolve;
    });
    const store = await join((event) => {
      events.push(event.type);
      if (event.type === "database_back") back();
    });
    await store.claimCoordinator("survivor");
    const notices: string[] = [];
    const stopListening = await store.onChange("umbel_keys", () => notices.push("keys"));
    const pid = await serverPid();
    if (pid === undefined) throw new Error("no server");
    process.kill(pid, "SIGKILL");
    await returned;
    expect(events).toEqual(["database_lost", "database_back"]);
    await expect
      .poll(() =>
        store.ping().then(
          () => "up",
          () => "down",
        ),
      )
      .toBe("up");
    await expect.poll(() => notices.length).toBe(2);
    await stopListening();
    const rival = await join();
    await expect(rival.claimCoordinator("rival")).rejects.toThrow(CoordinatorRunningError);
  });

  it("keeps its password to the owner", async () => {
    await join();
    expect((await stat(path.join(home, "postgres", "password"))).mode & 0o777).toBe(0o600);
  });
});

describe("a store on a server of one's own", () => {
  it("cannot be opened when the server does not answer", async () => {
    await expect(openStore({ databaseUrl: "postgres://nobody@127.0.0.1:1/none" })).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});
