import { randomUUID } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { createFakeClock } from "@umbel/protocol/testing";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../store/index.js";
import { createTestDatabase, type TestDatabase } from "../store/testing.js";
import { HEARTBEAT_MS, OWN_ACCESS_MS, SILENT_AFTER_MS } from "./instance.js";
import { createSpillFile } from "./spill-file.js";
import { type Books, fund, newSpillPath, openBooks, request, terminal } from "./testing/books.js";

let database: TestDatabase;
let store: Store;
const opened: Books[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  store = database.store;
});
afterAll(async () => {
  await database.close();
});
afterEach(async () => {
  for (const books of opened.splice(0)) await books.ledger.close(0);
});

async function start(overrides: Parameters<typeof openBooks>[1] = {}): Promise<Books> {
  const books = await openBooks(store, overrides);
  opened.push(books);
  return books;
}

async function holdSomething(books: Books): Promise<{ readonly consumer: string; readonly requestId: string }> {
  const consumer = await fund(books.ledger, 1_000n);
  const held = request(consumer);
  await books.ledger.hold(held);
  return { consumer, requestId: held.requestId };
}

describe("a coordinator that starts after a crash", () => {
  it("gives back what was held, when no terminal had come", async () => {
    const dead = await start();
    const { consumer } = await holdSomething(dead);
    const parked = await holdSomething(dead);
    await dead.ledger.park(parked.requestId);
    const next = await start();
    expect(await next.ledger.recover()).toEqual({ replayed: 0, released: 2 });
    expect(await next.ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 1_000n, held_microUsd: 0n });
    expect(next.events).toContainEqual({ type: "orphans_released", count: 2 });
    expect(await next.ledger.recover()).toEqual({ replayed: 0, released: 0 });
  });

  it("books the terminal that had reached the disk, before giving back the rest", async () => {
    const dead = await start();
    const { consumer, requestId } = await holdSomething(dead);
    await createSpillFile(dead.spillPath).append(terminal(requestId), new Date());
    const next = await start({ spillPath: dead.spillPath });
    expect(await next.ledger.recover()).toEqual({ replayed: 1, released: 0 });
    expect(await next.ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 900n, held_microUsd: 0n });
  });

  it("changes nothing when the terminal was booked but its line was left", async () => {
    const dead = await start();
    const { consumer, requestId } = await holdSomething(dead);
    await dead.ledger.settle(terminal(requestId));
    await createSpillFile(dead.spillPath).append(terminal(requestId), new Date());
    const next = await start({ spillPath: dead.spillPath });
    await next.ledger.recover();
    expect(await next.ledger.balance(consumer)).toMatchObject({ spendable_microUsd: 900n, held_microUsd: 0n });
  });

  it("wins or loses against the late terminal of the dead one, never both", async () => {
    const dead = await start();
    const next = await start();
    const { consumer, requestId } = await holdSomething(dead);
    const [outcome] = await Promise.all([dead.ledger.settle(terminal(requestId)), next.ledger.recover()]);
    const { spendable_microUsd, held_microUsd } = await next.ledger.balance(consumer);
    expect(held_microUsd).toBe(0n);
    expect(spendable_microUsd).toBe(outcome.state === "settled" ? 900n : 1_000n);
  });

  it("puts aside what can never be booked, and torn lines, without stopping at them", async () => {
    const spillPath = newSpillPath();
    const spill = createSpillFile(spillPath);
    const unknown = randomUUID();
    await spill.append(terminal(unknown), new Date());
    await appendFile(spillPath, '{"request_id":"to');
    const dead = await start();
    const { consumer, requestId } = await holdSomething(dead);
    await spill.append(terminal(requestId), new Date());
    const next = await start({ spillPath });
    await next.ledger.recover();
    expect((await next.ledger.balance(consumer)).spendable_microUsd).toBe(900n);
    const letters = await store.client<
      { request_id: string | null; error: string }[]
    >`select request_id, error from settlement_dead_letter order by id`;
    expect(letters).toEqual([
      { request_id: unknown, error: expect.stringContaining("UnknownReservation") },
      { request_id: null, error: "unreadable line" },
    ]);
    expect(next.events.filter((event) => event.type === "dead_letter")).toHaveLength(2);
  });
});

describe("a coordinator beside others", () => {
  it("leaves the holds of those that show signs of life, and gives back those of the silent", async () => {
    const clock = createFakeClock();
    const settings = { deadInstances: "silent_others" } as const;
    const watcher = await start({ clock, settings });
    const busy = await start({ clock, settings });
    await watcher.ledger.recover();
    await busy.ledger.recover();
    const { consumer } = await holdSomething(busy);
    for (let elapsed_ms = 0; elapsed_ms < OWN_ACCESS_MS; elapsed_ms += HEARTBEAT_MS) {
      await clock.advance(HEARTBEAT_MS);
      await expect.poll(() => silence(busy, clock)).toBe(0);
    }
    expect(await watcher.ledger.recover()).toMatchObject({ released: 0 });
    await busy.ledger.close(0);
    for (let elapsed_ms = 0; elapsed_ms <= SILENT_AFTER_MS; elapsed_ms += HEARTBEAT_MS) {
      await clock.advance(HEARTBEAT_MS);
      await expect.poll(() => silence(watcher, clock)).toBe(0);
    }
    expect(await watcher.ledger.recover()).toMatchObject({ released: 1 });
    expect(await watcher.ledger.balance(consumer)).toMatchObject({ held_microUsd: 0n });
  });

  it("judges nobody before it has itself had the database for two minutes", async () => {
    const clock = createFakeClock();
    const settings = { deadInstances: "silent_others" } as const;
    const gone = await start({ clock, settings });
    await holdSomething(gone);
    const newcomer = await start({ clock, settings });
    expect(await newcomer.ledger.recover()).toMatchObject({ released: 0 });
    await clock.advance(OWN_ACCESS_MS - 1);
    expect(await newcomer.ledger.recover()).toMatchObject({ released: 0 });
    await clock.advance(1);
    expect(await newcomer.ledger.recover()).toMatchObject({ released: 1 });
  });

  async function silence(books: Books, clock: Books["clock"]): Promise<number> {
    const [row] = await store.client<{ at: string }[]>`
      select heartbeat_at as at from coordinator_instances where id = ${books.instanceId}`;
    return row ? clock.date().getTime() - new Date(row.at).getTime() : Number.POSITIVE_INFINITY;
  }
});
