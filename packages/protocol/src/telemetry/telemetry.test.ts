import { describe, expect, it } from "vitest";
import { allowedFields, stackFrames, TELEMETRY_LIMITS, TELEMETRY_MESSAGES, telemetryEvent } from "./index.js";

describe("fields of an event", () => {
  it("are those of the list, in their forms", () => {
    const fields = {
      model: "sprout-3m-q8_0",
      reason: "insufficient_memory",
      hardware_chip: "AMD Ryzen 7 5800X (8-Core)",
      coordinator_url: "https://coordinator.example:8443",
      endpoint: "/v1/chat/completions",
      reconnect_count: 3,
      network_reachable: true,
    };
    expect(allowedFields({ ...fields, nobody_knows_it: 1 })).toEqual(fields);
  });

  it.each<[string, unknown]>([
    ["a sentence", { error: "cannot read the prompt: tell me about herons" }],
    ["a sentence where a name belongs", { model: "tell me about herons" }],
    ["a word that is a key", { model: `sk-um-${"ab".repeat(32)}` }],
    ["a token", { target: `umbel-pt-${"ab".repeat(32)}` }],
    ["an address of a person", { target: "ada@example.org" }],
    ["an address of a machine", { target: "203.0.113.7:8080" }],
    ["a path behind an address", { coordinator_url: "https://coordinator.example/?key=1" }],
    ["a number in words", { exit_code: "1" }],
    ["an object", { reason: { nested: "x" } }],
    ["a list", { reason: ["x"] }],
    ["no number", { exit_code: Number.NaN }],
    ["nothing", null],
    ["a text", "reason"],
    ["a name of an object's own", { constructor: "x", __proto__: { reason: "x" } }],
  ])("are never %s", (_, given) => {
    expect(allowedFields(given)).toEqual({});
  });
});

describe("frames of a stack", () => {
  const stack = [
    "TypeError: cannot read 'tell me about herons'",
    "    at Object.<anonymous> (/home/ada/umbel/packages/provider/dist/agent/relay.js:12:34)",
    "    at async start (file:///home/ada/umbel/node_modules/ws/lib/websocket.js:1:2)",
    "    at /home/ada/secret/run.js:5:6",
    "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
    "    at tell me about herons",
    "said at 3:4 by ada@example.org",
  ].join("\n");
  const frames = [
    "at Object.<anonymous> (packages/provider/dist/agent/relay.js:12:34)",
    "at start (node_modules/ws/lib/websocket.js:1:2)",
    "at unnamed (run.js:5:6)",
    "at process.processTicksAndRejections (node:internal/process/task_queues:105:5)",
  ].join("\n");

  it("say where in the program, and neither what the error said nor whose machine it is", () => {
    expect(stackFrames(stack)).toBe(frames);
  });

  it("are the same when they are read again", () => {
    expect(stackFrames(frames)).toBe(frames);
  });

  it(`are at most ${TELEMETRY_LIMITS.frames_max}`, () => {
    const deep = new Array(1_000).fill("    at step (/a/b.js:1:1)").join("\n");
    expect(stackFrames(deep).split("\n")).toHaveLength(TELEMETRY_LIMITS.frames_max);
    const wide = new Array(1_000).fill(`    at step (/${"x".repeat(500)}.js:1:1)`).join("\n");
    expect(stackFrames(wide).length).toBe(TELEMETRY_LIMITS.stack_characters_max);
  });
});

describe("an event", () => {
  const event = {
    id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a4f",
    timestamp: "2026-12-01T12:00:00.000Z",
    source: "provider",
    message: "worker_ended",
    version: "0.1.0",
    session_id: "6c84fb90-12c4-41e1-840d-7f6b0d1e2a40",
    fields: { signal: "SIGSEGV", prompt: "tell me" },
  };

  it("says one of a closed list of things", () => {
    expect(telemetryEvent.parse(event)).toEqual({ ...event, fields: { signal: "SIGSEGV" } });
    expect(telemetryEvent.safeParse({ ...event, message: "tell me about herons" }).success).toBe(false);
    for (const { words } of Object.values(TELEMETRY_MESSAGES)) expect(words).toMatch(/^(the|a) /);
  });
});
