import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.js";
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

describe("createLogger", () => {
  function linesOf(write: (log: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
    const lines: string[] = [];
    const log = createLogger({ level: "info", destination: { write: (line: string) => void lines.push(line) } });
    write(log);
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it("redacts messages, fields and errors with their causes", () => {
    const secret = `sk-um-${"ab".repeat(32)}`;
    const [line] = linesOf((log) =>
      log.error({ err: new Error(`bad ${secret}`, { cause: new Error(secret) }), key: secret, authorization: "x" }, `with ${secret}`),
    );
    expect(JSON.stringify(line)).not.toContain("abab");
    expect(line).toMatchObject({
      msg: "with [key]",
      key: "[key]",
      authorization: "[hidden]",
      err: { type: "Error", message: "bad [key]" },
    });
  });

  it("takes an error alone", () => {
    const [line] = linesOf((log) => log.error(new TypeError("odd")));
    expect(line).toMatchObject({ err: { type: "TypeError", message: "odd" } });
  });

  it("keeps child bindings and drops what is below the level", () => {
    const lines = linesOf((log) => {
      log.child({ component: "http" }).info({ status: 200 }, "answered");
      log.debug("unseen");
    });
    expect(lines).toMatchObject([{ component: "http", status: 200, msg: "answered" }]);
  });
});
