import { describe, expect, it } from "vitest";
import type { AnswerSink, WholeAnswer } from "../answer/sink.js";
import { createRecording } from "./recording.js";

interface Reader extends AnswerSink {
  readonly seen: { whole?: WholeAnswer; headers?: object; text: string; ended: boolean };
  leave(): void;
}

function createReader(): Reader {
  const seen: Reader["seen"] = { text: "", ended: false };
  const leaving = new AbortController();
  return {
    seen,
    gone: leaving.signal,
    leave: () => leaving.abort(),
    get committed() {
      return seen.headers !== undefined || seen.whole !== undefined;
    },
    whole: async (answer) => {
      seen.whole = answer;
    },
    begin: (headers) => {
      seen.headers ??= headers;
    },
    write: async (events) => {
      seen.text += events;
    },
    beat: () => undefined,
    end: async () => {
      seen.ended = true;
    },
  };
}

describe("a recording", () => {
  it("gives a stream to readers of any time: from its beginning, and along with it", async () => {
    const { sink, follow } = createRecording();
    const [early, late, last] = [createReader(), createReader(), createReader()];
    const followed = [follow(early, "first")];
    sink.begin({ "X-Inference-Job-ID": "job" });
    await sink.write("one ");
    followed.push(follow(late, "replay"));
    await sink.write("two");
    await sink.end();
    followed.push(follow(last, "replay"));
    await Promise.all(followed);
    for (const { seen } of [early, late, last]) expect(seen).toMatchObject({ text: "one two", ended: true });
    expect(early.seen.headers).toEqual({ "X-Inference-Job-ID": "job" });
    expect(last.seen.headers).toEqual({ "X-Inference-Job-ID": "job", "X-Umbel-Idempotent-Replay": "true" });
  });

  it("gives one value to every reader", async () => {
    const { sink, follow } = createRecording();
    const [waiting, late] = [createReader(), createReader()];
    const followed = follow(waiting, "first");
    await sink.whole({ status: 200, headers: {}, body: { a: 1 } });
    await follow(late, "replay");
    await followed;
    expect(waiting.seen.whole).toEqual({ status: 200, headers: {}, body: { a: 1 } });
    expect(late.seen.whole?.headers).toEqual({ "X-Umbel-Idempotent-Replay": "true" });
  });

  it("lets a reader leave at any time, and goes on", async () => {
    const { sink, follow } = createRecording();
    const [before, during, stays] = [createReader(), createReader(), createReader()];
    const followed = [follow(before, "first"), follow(during, "replay"), follow(stays, "replay")];
    before.leave();
    sink.begin({});
    await sink.write("one");
    during.leave();
    await sink.write("two");
    await sink.end();
    await Promise.all(followed);
    expect(sink.gone.aborted).toBe(false);
    expect(stays.seen.text).toBe("onetwo");
    expect([before.seen.ended, during.seen.ended]).toEqual([false, false]);
  });

  it("tells waiting readers why there will be nothing", async () => {
    const { fail, follow } = createRecording();
    const waiting = follow(createReader(), "first");
    fail(new Error("no"));
    await expect(waiting).rejects.toThrow("no");
  });

  it("takes no memory once it is forgotten, and lets a reader that has begun finish", async () => {
    const recording = createRecording();
    const reader = createReader();
    recording.sink.begin({});
    await recording.sink.write("text");
    expect(recording.size).toBe(4);
    const followed = recording.follow(reader, "first");
    await recording.sink.end();
    recording.forget();
    await followed;
    expect(reader.seen).toMatchObject({ text: "text", ended: true });
    expect([recording.size, recording.kept]).toEqual([0, false]);
  });
});
