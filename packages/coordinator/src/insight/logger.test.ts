import { describe, expect, it } from "vitest";
import { createLogger } from "./logger.js";

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
