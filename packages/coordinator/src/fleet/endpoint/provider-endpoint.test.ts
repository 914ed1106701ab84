import { afterEach, describe, expect, it } from "vitest";
import { startTestFleet, type TestFleet } from "../testing/index.js";

let test: TestFleet;
afterEach(() => test.close());

describe("the provider endpoint", () => {
  it("answers 429 to the 21st socket of one address, before any WebSocket", async () => {
    test = await startTestFleet({ settings: { socketsPerAddress_max: 20 } });
    const sockets = await Promise.all(Array.from({ length: 20 }, () => test.open()));
    await expect(test.open()).rejects.toThrow("HTTP 429");
    expect(await test.event("upgrade_refused")).toMatchObject({ reason: "sockets" });
    await sockets[0]?.close();
    await test.open();
  });

  it("answers 429 to the 31st upgrade within a minute", async () => {
    test = await startTestFleet({ settings: { upgradesPerMinute_max: 30 } });
    for (let i = 0; i < 30; i++) await (await test.open()).close();
    await expect(test.open()).rejects.toThrow("HTTP 429");
    expect(await test.event("upgrade_refused")).toMatchObject({ reason: "rate" });
    await test.clock.advance(60_000);
    await test.open();
  });

  it("answers 503 when too many sockets have not proven themselves, whatever their addresses", async () => {
    test = await startTestFleet({ settings: { unprovenSockets_max: 2 } });
    await test.connect();
    await test.open();
    const unproven = await test.open();
    await expect(test.open()).rejects.toThrow("HTTP 503");
    await unproven.close();
    await expect.poll(() => test.open().then(() => "open")).toBe("open");
  });

  it("answers 403 to browsers, unless their origin is allowed", async () => {
    test = await startTestFleet({ settings: { allowedOrigins: ["https://console.example"] } });
    await expect(test.open({ headers: { Origin: "https://evil.example" } })).rejects.toThrow("HTTP 403");
    await expect(test.open({ headers: { Origin: "null" } })).rejects.toThrow("HTTP 403");
    await test.open({ headers: { Origin: "https://console.example" } });
  });

  it("answers 404 to upgrades on other paths", async () => {
    test = await startTestFleet();
    await expect(test.open({ url: test.url.replace("/ws/provider", "/ws/other") })).rejects.toThrow("HTTP 404");
    await test.open({ url: `${test.url}?ignored=1` });
  });

  it("answers 503 once the fleet is closed", async () => {
    test = await startTestFleet();
    await test.fleet.close();
    await expect(test.open()).rejects.toThrow("HTTP 503");
  });
});
