import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ApiError } from "./canonical/api-error.js";
import { BODY_DEPTH_MAX, parseJsonBody, parseJsonList } from "./json-body.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function messageOf(body: Uint8Array): string {
  try {
    parseJsonBody(body);
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return error.message;
    throw error;
  }
  return "accepted";
}

it("is a list where one is asked for, and nothing else", () => {
  expect(parseJsonList(new TextEncoder().encode('[{"a":1},{"a":2}]'))).toEqual([{ a: 1 }, { a: 2 }]);
  expect(() => parseJsonList(new TextEncoder().encode('{"a":1}'))).toThrow("the body must be a list");
});

describe("parseJsonBody", () => {
  it("reads any JSON object", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseJsonBody(bytes(text)))).toBe(text);
      }),
    );
  });

  it.each(["[]", '"text"', "null", "1"])("refuses %s: a body is an object", (text) => {
    expect(messageOf(bytes(text))).toBe("invalid JSON: the body must be an object");
  });

  it.each(["", "{", '{"a":', "{'a':1}", '{"a":1}}', '{"a":"never closed'])("refuses what is not JSON: %j", (text) => {
    expect(messageOf(bytes(text))).toMatch(/^invalid JSON: /);
  });

  it("does not repeat the body in the message", () => {
    expect(messageOf(bytes('{"messages": my secret prompt}'))).not.toMatch(/secret|prompt/);
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(messageOf(Uint8Array.of(0x7b, 0xff, 0x7d))).toBe("invalid JSON: the body is not UTF-8");
  });

  it("refuses a top-level key that appears twice, also when one is written with an escape", () => {
    expect(messageOf(bytes('{"model":"a","model":"b"}'))).toBe("invalid JSON: a top-level key appears twice");
    expect(messageOf(bytes('{"model":"a","mod\\u0065l" : "b"}'))).toBe("invalid JSON: a top-level key appears twice");
  });

  it("lets keys repeat further down, and values look like keys", () => {
    expect(messageOf(bytes('{"a":{"b":1},"c":[{"b":1},{"b":2}],"d":"a","e":"a\\":"}'))).toBe("accepted");
  });

  it(`accepts nesting of ${BODY_DEPTH_MAX} and refuses one more, at any size`, () => {
    const nested = (depth: number): Uint8Array => bytes(`{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`);
    expect(messageOf(nested(BODY_DEPTH_MAX))).toBe("accepted");
    expect(messageOf(nested(BODY_DEPTH_MAX + 1))).toBe(`invalid JSON: nested deeper than ${BODY_DEPTH_MAX}`);
    expect(messageOf(bytes("[".repeat(1_000_000)))).toBe(`invalid JSON: nested deeper than ${BODY_DEPTH_MAX}`);
  });
});
