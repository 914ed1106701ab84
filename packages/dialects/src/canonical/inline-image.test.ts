import { describe, expect, it } from "vitest";
import { inlineImage } from "./inline-image.js";

describe("an image reference", () => {
  it.each([
    ["data:image/png;base64,iVBORw==", "image/png", "iVBORw=="],
    ["data:image/jpeg;base64,/9j/4AAQ", "image/jpeg", "/9j/4AAQ"],
    ["data:image/jpg;base64,/9j/4AAQ", "image/jpeg", "/9j/4AAQ"],
    ["DATA:image/WEBP;BASE64,UklGRg==", "image/webp", "UklGRg=="],
    ["data:image/gif;charset=binary;base64,R0lGOA==", "image/gif", "R0lGOA=="],
  ])("is taken from %s", (uri, mediaType, base64) => {
    expect(inlineImage(uri)).toEqual({ type: "image", mediaType, base64 });
  });

  it.each(["https://example.com/cat.png", "http://localhost/", "file:///etc/passwd", "//example.com/cat.png", "", "cat.png"])(
    "is remote when it is %j",
    (uri) => {
      expect(inlineImage(uri)).toBe("remote");
    },
  );

  it.each(["data:text/html;base64,AAAA", "data:image/svg+xml;base64,AAAA", "data:,AAAA", "data:"])(
    "has the wrong media type in %j",
    (uri) => {
      expect(inlineImage(uri)).toBe("media_type");
    },
  );

  it.each([
    "data:image/png;base64",
    "data:image/png;base64,",
    "data:image/png,AAAA",
    "data:image/png;base64,AAA",
    "data:image/png;base64,AA=A",
    "data:image/png;base64,AA-_",
    "data:image/png;base64,AA A",
  ])("is not base64 in %j", (uri) => {
    expect(inlineImage(uri)).toBe("encoding");
  });

  it("may be as large as a request", () => {
    const base64 = "QUJD".repeat(4 * 1024 * 1024);
    expect(inlineImage(`data:image/png;base64,${base64}`)).toMatchObject({ mediaType: "image/png" });
    expect(inlineImage(`data:image/png;base64,${base64}!===`)).toBe("encoding");
  });
});
