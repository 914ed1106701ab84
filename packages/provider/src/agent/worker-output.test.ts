import { describe, expect, it } from "vitest";
import { createWorkerOutput } from "./worker-output.js";

describe("what a worker prints", () => {
  it("is counted, and known causes are recognised even where a chunk ends in one", () => {
    const output = createWorkerOutput();
    output.add(Buffer.from("FATAL ERROR: JavaScript heap out of"));
    output.add(Buffer.from(" memory, code: 'ERR_ACCESS_DENIED'"));
    expect(output.causes).toEqual(["heap_out_of_memory", "access_denied"]);
    expect(output.bytes).toBe(69);
  });

  it("is not kept", () => {
    const output = createWorkerOutput();
    output.add(Buffer.from("tell me about my secret"));
    expect(JSON.stringify({ bytes: output.bytes, causes: output.causes })).not.toContain("secret");
  });
});
