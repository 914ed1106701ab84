import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Client, createClient } from "../client.js";
import { createTestDatabase, type TestDatabase } from "../testing.js";
import { migrations as shipped } from "./index.js";
import { migrate } from "./migrate.js";

let database: TestDatabase;
const clients: Client[] = [];

function client(): Client {
  const created = createClient({ url: database.databaseUrl }, { connections_max: 1, applicationName: "test", timeouts: "none" });
  clients.push(created);
  return created;
}

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((each) => each.end()));
  await database.close();
});

const next = { id: (shipped.at(-1)?.id ?? 0) + 1, name: "next", sql: "create table added (id integer); insert into added values (1)" };

describe("migrations", () => {
  it("do nothing on a database that is up to date", async () => {
    expect(await migrate(client())).toEqual([]);
  });

  it("run each new one once, also when several processes start together", async () => {
    const applied = await Promise.all([1, 2, 3].map(() => migrate(client(), [...shipped, next])));
    expect(applied.flat()).toEqual([next.id]);
    expect(await database.store.client`select id from added`).toHaveLength(1);
  });

  it("leave nothing of one that fails", async () => {
    const broken = { ...next, sql: `${next.sql}; select 1 / 0` };
    await expect(migrate(client(), [...shipped, broken])).rejects.toMatchObject({ code: "migration_failed" });
    expect(await migrate(client(), [...shipped, next])).toEqual([next.id]);
  });

  it("refuse a database that a newer program has migrated", async () => {
    await migrate(client(), [...shipped, next]);
    await expect(migrate(client())).rejects.toMatchObject({ code: "database_newer" });
  });

  it("refuse a database whose history is another one", async () => {
    const [first, ...rest] = shipped;
    if (!first) throw new Error("no migrations");
    await expect(migrate(client(), [{ ...first, sql: `${first.sql} ` }, ...rest])).rejects.toMatchObject({ code: "checksum_drift" });
  });
});
