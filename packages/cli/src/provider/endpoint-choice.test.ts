import { describe, expect, it } from "vitest";
import { endpointFrom } from "./endpoint-choice.js";

const flags = { port: "8000", bind: "127.0.0.1", auth: true, origin: [], hostName: [] };

describe("where the endpoint for this machine's own programs listens", () => {
  it.each([
    [undefined, "127.0.0.1", 8000],
    ["0", "127.0.0.1", 0],
    ["192.168.1.5", "192.168.1.5", 8000],
    ["192.168.1.5:9000", "192.168.1.5", 9000],
    ["::1", "::1", 8000],
    ["[::1]:9000", "::1", 9000],
    ["localhost:9000", "localhost", 9000],
  ])("%s is %s, port %s", (address, host, port) => {
    expect(endpointFrom(flags, address)).toMatchObject({ host, port, requiresKey: true });
  });

  it("is refused where it is none, and without a key where others reach it", () => {
    expect(() => endpointFrom(flags, "127.0.0.1:99999")).toThrow("--local-endpoint takes a port");
    expect(() => endpointFrom(flags, "http://127.0.0.1/")).toThrow("no address");
    expect(() => endpointFrom({ ...flags, port: "x" })).toThrow("--port takes a port");
    expect(() => endpointFrom({ ...flags, auth: false }, "0.0.0.0:80")).toThrow("Without a key");
    expect(endpointFrom({ ...flags, auth: false }, "localhost")).toMatchObject({ requiresKey: false });
    expect(() => endpointFrom({ ...flags, origin: ["localhost"] })).toThrow("not an origin");
  });
});
