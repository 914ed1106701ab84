import { describe, expect, it } from "vitest";
import { redactText } from "./redact.js";

describe("redactText", () => {
  it.each([
    ["key", `used sk-um-${"a1".repeat(32)} twice`, "used [key] twice"],
    ["provider token", `umbel-pt-${"0f".repeat(32)}`, "[key]"],
    ["bearer credential", "Authorization: Bearer abc.def", "Authorization: [credential]"],
    ["JWT", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "[jwt]"],
    ["hash", "f".repeat(64), "[hex]"],
    ["base64 run", `${"QUJD".repeat(20)}==`, "[base64]"],
    ["e-mail", "from ada@example.org now", "from [email] now"],
    ["address", "peer 203.0.113.7:5000", "peer [ip]:5000"],
    ["IPv6 address", "peer 2001:db8:0:1:2:3:4:5", "peer [ip]"],
    ["home path", "/home/ada/.umbel/log", "~/.umbel/log"],
    ["data URI", "data:image/png;base64,AAAA", "[data-uri]"],
    ["database URL", "connect postgres://u:p@h/db failed", "connect [database-url] failed"],
    ["long quoted text", `said "${"word ".repeat(50)}"`, "said [text]"],
  ])("hides a %s", (_what, text, clean) => {
    expect(redactText(text)).toBe(clean);
  });

  it("leaves ordinary lines, request ids, the loopback address and truncated addresses alone", () => {
    const line = "POST /v1/chat/completions 200 5f2c1b7e-9a3d-4c55-8e1f-0a1b2c3d4e5f 127.0.0.1 203.0.113.0/24";
    expect(redactText(line)).toBe(line);
  });
});
