import { describe, expect, it } from "vitest";
import { ATTEMPT_BUFFER_LIMITS } from "../settings.js";
import type { AttemptEvent } from "../types.js";
import { EventQueue } from "./event-queue.js";

function chunk(sequence: number, size_bytes = 1): AttemptEvent {
  return { type: "chunk", sequence, ciphertext: new Uint8Array(size_bytes) };
}

describe("EventQueue", () => {
  it("gives events in order, buffered or awaited", async () => {
    const queue = new EventQueue();
    queue.offer(chunk(0), 1);
    queue.offer(chunk(1), 1);
    expect(await queue.next()).toMatchObject({ sequence: 0 });
    expect(queue.poll()).toMatchObject({ sequence: 1 });
    expect(queue.poll()).toBeUndefined();
    const awaited = queue.next();
    queue.offer(chunk(2), 1);
    expect(await awaited).toMatchObject({ sequence: 2 });
  });

  it("keeps order while the reader always lags behind", async () => {
    const queue = new EventQueue();
    const seen: AttemptEvent[] = [];
    queue.offer(chunk(0), 1);
    for (let sequence = 1; sequence <= 2_000; sequence++) {
      queue.offer(chunk(sequence), 1);
      const event = queue.poll();
      if (event) seen.push(event);
    }
    expect(seen).toEqual(Array.from({ length: 2_000 }, (_, sequence) => chunk(sequence)));
  });

  it("refuses the 4097th event, and room comes back with reading", () => {
    const queue = new EventQueue();
    for (let i = 0; i < ATTEMPT_BUFFER_LIMITS.events_max; i++) expect(queue.offer(chunk(i), 1)).toBe(true);
    expect(queue.offer(chunk(4096), 1)).toBe(false);
    queue.poll();
    expect(queue.offer(chunk(4096), 1)).toBe(true);
  });

  it("refuses more than 4 MiB, and room comes back with reading", () => {
    const queue = new EventQueue();
    const half = ATTEMPT_BUFFER_LIMITS.bytes_max / 2;
    expect(queue.offer(chunk(0, half), half)).toBe(true);
    expect(queue.offer(chunk(1, half), half)).toBe(true);
    expect(queue.offer(chunk(2), 1)).toBe(false);
    queue.poll();
    expect(queue.offer(chunk(2), 1)).toBe(true);
  });

  it("takes an event that must be heard however full it is", () => {
    const queue = new EventQueue();
    for (let i = 0; i < ATTEMPT_BUFFER_LIMITS.events_max; i++) queue.offer(chunk(i), 1);
    queue.push({ type: "overflow" });
    for (let i = 0; i < ATTEMPT_BUFFER_LIMITS.events_max; i++) queue.poll();
    expect(queue.poll()).toEqual({ type: "overflow" });
  });

  it("loses nothing when a wait is aborted", async () => {
    const queue = new EventQueue();
    const abort = new AbortController();
    const waiting = queue.next(abort.signal);
    abort.abort(new Error("consumer gone"));
    await expect(waiting).rejects.toThrow("consumer gone");
    queue.offer(chunk(0), 1);
    await expect(queue.next(abort.signal)).rejects.toThrow("consumer gone");
    expect(await queue.next()).toMatchObject({ sequence: 0 });
  });

  it("leaves no listener on a signal that outlives the wait", async () => {
    const queue = new EventQueue();
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    for (let i = 0; i < 100; i++) {
      const waiting = queue.next(signal);
      queue.offer(chunk(i), 1);
      await waiting;
    }
    expect(listeners).toBe(0);
  });

  it("has one reader at a time", async () => {
    const queue = new EventQueue();
    const first = queue.next();
    await expect(queue.next()).rejects.toThrow("one reader");
    queue.offer(chunk(0), 1);
    await first;
  });

  it("turns its reader away when it is closed", async () => {
    const queue = new EventQueue();
    const waiting = queue.next();
    queue.close();
    await expect(waiting).rejects.toThrow("released");
    queue.push({ type: "overflow" });
    expect(queue.poll()).toBeUndefined();
    await expect(queue.next()).rejects.toThrow("released");
  });
});
