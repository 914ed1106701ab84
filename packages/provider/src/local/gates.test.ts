import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { hostGate, keyGate, originGate } from "./gates.js";

describe("hostGate", () => {
  const gate = hostGate(["Desk.example"]);
  it.each(["localhost:8000", "LOCALHOST", "app.localhost", "127.0.0.1:8000", "192.168.1.5", "[::1]:8000", "desk.example", hostname()])(
    "knows %s",
    (host) => {
      expect(() => gate({ host })).not.toThrow();
    },
  );
  it.each(["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "", undefined])("does not know %s", (host) => {
    expect(() => gate({ host })).toThrow(expect.objectContaining({ status: 403, code: "forbidden" }));
  });
});

describe("originGate", () => {
  const gate = originGate(["http://localhost:3000"]);
  it("lets programs and allowed pages through, and no other page", () => {
    expect(() => gate({})).not.toThrow();
    expect(() => gate({ origin: "http://localhost:3000" })).not.toThrow();
    for (const origin of ["http://localhost:3001", "https://evil.example", "null"]) {
      expect(() => gate({ origin })).toThrow(expect.objectContaining({ status: 403 }));
    }
  });
});

describe("keyGate", () => {
  const gate = keyGate("umbel-local-key");
  it("takes the key in either header, and nothing else", () => {
    expect(() => gate({ authorization: "Bearer umbel-local-key" })).not.toThrow();
    expect(() => gate({ authorization: "bearer umbel-local-key " })).not.toThrow();
    expect(() => gate({ "x-api-key": "umbel-local-key" })).not.toThrow();
    const wrong = [{}, { authorization: "umbel-local-key" }, { authorization: "Bearer umbel-local-kez" }, { "x-api-key": "" }];
    for (const headers of [...wrong, { authorization: "Bearer no", "x-api-key": "umbel-local-key" }]) {
      expect(() => gate(headers)).toThrow(
        expect.objectContaining({ status: 401, code: "authentication_error", headers: { "WWW-Authenticate": "Bearer" } }),
      );
    }
  });
});
