import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { readBody } from "./read-body.js";

const LIMITS = { bytes_max: 8, discarded_bytes_max: 8 };
const pieces = (...lengths: number[]) => Readable.from(lengths.map((length) => Buffer.alloc(length, "x")));

describe("readBody", () => {
  it("takes as much as is allowed", async () => {
    expect(await readBody({}, pieces(3, 5), LIMITS)).toHaveLength(8);
  });

  it("reads a larger body to its end and refuses it, but does not read on for ever", async () => {
    const larger = pieces(8, 8);
    await expect(readBody({}, larger, LIMITS)).rejects.toMatchObject({ status: 413 });
    expect(larger.readableEnded).toBe(true);
    const endless = pieces(8, 8, 1, 1);
    await expect(readBody({}, endless, LIMITS)).rejects.toMatchObject({ status: 413 });
    expect(endless.readableEnded).toBe(false);
  });

  it.each([{ "content-encoding": "br" }, { "content-type": "multipart/form-data; boundary=x" }])("refuses %j", async (headers) => {
    await expect(readBody(headers, pieces(1), LIMITS)).rejects.toMatchObject({ status: 415 });
  });
});
