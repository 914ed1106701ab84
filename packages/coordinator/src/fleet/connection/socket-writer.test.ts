import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { WRITER_LIMITS } from "../settings.js";
import { SocketWriter, WriteError, writeDeadline_ms } from "./socket-writer.js";

/** A sink that takes one frame and then waits until the test lets it go. */
function setUp() {
  const written: string[] = [];
  const aborts: string[] = [];
  let release: (error?: Error) => void = () => undefined;
  const clock = createFakeClock();
  const writer = new SocketWriter(
    {
      write: (frame, kind, done) => {
        written.push(`${kind} ${Buffer.from(frame).toString()}`);
        release = done;
      },
      abort: (cause) => aborts.push(cause),
    },
    clock,
  );
  return { writer, written, aborts, clock, release: (error?: Error) => release(error) };
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe("SocketWriter", () => {
  it("writes one frame at a time, first in first out", async () => {
    const { writer, written, release } = setUp();
    const first = writer.bulk(["request 1", bytes("body 1")]);
    const second = writer.bulk(["request 2"]);
    expect(written).toEqual(["text request 1"]);
    release();
    release();
    await first.written;
    release();
    await second.written;
    expect(written).toEqual(["text request 1", "binary body 1", "text request 2"]);
  });

  it("writes control messages before waiting requests, but never inside one", () => {
    const { writer, written, release } = setUp();
    writer.bulk(["request 1", bytes("body 1")]);
    writer.bulk(["request 2"]);
    writer.control("cancel");
    for (let i = 0; i < 3; i++) release();
    expect(written).toEqual(["text request 1", "binary body 1", "text cancel", "text request 2"]);
  });

  it("refuses a request at once when 128 frames wait, and takes one again when a frame has left", () => {
    const { writer, release } = setUp();
    for (let i = 0; i < WRITER_LIMITS.bulkFrames_max / 2; i++) writer.bulk(["request", bytes("body")]);
    expect(() => writer.bulk(["one more"])).toThrow(new WriteError("queue_full"));
    release();
    expect(() => writer.bulk(["one more"])).not.toThrow();
    expect(() => writer.bulk(["request", bytes("body")])).toThrow(new WriteError("queue_full"));
  });

  it("drops control messages when 256 wait", () => {
    const { writer } = setUp();
    expect(writer.control("on its way")).toBe(true);
    for (let i = 0; i < WRITER_LIMITS.controlFrames_max; i++) expect(writer.control("waits")).toBe(true);
    expect(writer.control("too many")).toBe(false);
  });

  it("lets a caller take back what has not started", async () => {
    const { writer, written, release } = setUp();
    const started = writer.bulk(["request 1"]);
    const waiting = writer.bulk(["request 2"]);
    expect(waiting.withdraw()).toBe(true);
    expect(started.withdraw()).toBe(false);
    await expect(waiting.written).rejects.toMatchObject({ code: "withdrawn" });
    release();
    await started.written;
    expect(written).toEqual(["text request 1"]);
  });

  it("ends the connection when a frame takes longer than its deadline", async () => {
    const { writer, aborts, clock } = setUp();
    const stuck = writer.bulk(["request"]);
    const behind = writer.bulk(["behind"]);
    await clock.advance(WRITER_LIMITS.deadline_ms_min - 1);
    expect(aborts).toEqual([]);
    const outcomes = Promise.allSettled([stuck.written, behind.written]);
    await clock.advance(1);
    expect(aborts).toEqual(["write_timeout"]);
    expect(await outcomes).toMatchObject([{ reason: { code: "timeout" } }, { reason: { code: "timeout" } }]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends the connection when a write fails", async () => {
    const { writer, aborts, release, clock } = setUp();
    const failed = writer.bulk(["request"]);
    release(new Error("EPIPE"));
    await expect(failed.written).rejects.toMatchObject({ code: "closed" });
    expect(aborts).toEqual(["socket_error"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("rejects what waits when it is closed, and takes nothing more", async () => {
    const { writer, clock } = setUp();
    const waiting = writer.bulk(["request"]);
    writer.close();
    await expect(waiting.written).rejects.toMatchObject({ code: "closed" });
    expect(writer.control("cancel")).toBe(false);
    expect(() => writer.bulk(["request"])).toThrow(new WriteError("closed"));
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    [0, 5_000],
    [10 * 1024 * 1024, 5_000],
    [16 * 1024 * 1024, 8_000],
    [32 * 1024 * 1024, 16_000],
    [1024 * 1024 * 1024, 30_000],
  ])("gives a frame of %i bytes %i ms", (size_bytes, expected_ms) => {
    expect(writeDeadline_ms(size_bytes)).toBe(expected_ms);
  });
});
