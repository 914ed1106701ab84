import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient } from "./client.js";
import { databaseFailure, sqlState } from "./database-error.js";
import { createTestDatabase, type TestDatabase } from "./testing.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.close();
});

async function failureOf(statement: string): Promise<unknown> {
  return database.store.client.unsafe(statement).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("what a database error means", () => {
  it("is a refusal when a constraint or a type says no", async () => {
    await database.store.client`insert into users (account_id, display_name) values ('a', 'A')`;
    const duplicate = await failureOf("insert into users (account_id, display_name) values ('a', 'A')");
    expect(databaseFailure(duplicate)).toBe("refused");
    expect(sqlState(duplicate)).toBe("23505");
  });

  it("is a conflict when a concurrent transaction is in the way", async () => {
    expect(databaseFailure(await failureOf("do $$ begin raise exception '' using errcode = '40001'; end $$"))).toBe("conflict");
    expect(databaseFailure(await failureOf("do $$ begin raise exception '' using errcode = '40P01'; end $$"))).toBe("conflict");
  });

  it("is unavailability when a statement runs out of time or the server cannot be reached", async () => {
    expect(databaseFailure(await failureOf("set statement_timeout = 1; select pg_sleep(1)"))).toBe("unavailable");
    const nowhere = createClient({ host: "127.0.0.1", port: 1 }, { connections_max: 1, applicationName: "test", timeouts: "none" });
    const error = await nowhere`select 1`.catch((reason: unknown) => reason);
    expect(databaseFailure(error)).toBe("unavailable");
    await nowhere.end();
    expect(databaseFailure(await nowhere`select 1`.catch((reason: unknown) => reason))).toBe("unavailable");
  });

  it("is nothing for errors of our own", () => {
    expect(databaseFailure(new TypeError("mistake"))).toBeUndefined();
    expect(sqlState(new TypeError("mistake"))).toBeUndefined();
  });
});
