import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { createClientAddress } from "./client-address.js";

const PROXIES = ["10.0.0.0/8", "2001:db8::/32"];

describe("who opens a connection", () => {
  it.each([
    ["of a proxy that is trusted, is whom it names", "10.0.0.1", "203.0.113.7", "203.0.113.7"],
    ["of two of them, is whom the farther one names", "10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"],
    ["is not whom a caller names before that", "10.0.0.1", "198.51.100.9, 203.0.113.7", "203.0.113.7"],
    ["is not a proxy's address that a caller names before that", "10.0.0.1", "10.9.9.9, 203.0.113.7", "203.0.113.7"],
    ["of anybody else, is itself", "203.0.113.7", "198.51.100.9", "203.0.113.7"],
    ["of anybody else, is itself, also where it names a proxy", "203.0.113.7", "198.51.100.9, 10.0.0.1", "203.0.113.7"],
    ["of a proxy that names nobody, is itself", "10.0.0.1", undefined, "10.0.0.1"],
    ["may have an address of either kind", "2001:db8::1", "2001:db9::7", "2001:db9::7"],
  ])("%s", (_what, remoteAddress, forwarded, expected) => {
    const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
    const request = { socket: { remoteAddress }, connection: { remoteAddress }, headers };
    // Only what is read of it.
    expect(createClientAddress(PROXIES)(request as unknown as IncomingMessage)).toBe(expected);
    expect(createClientAddress([])(request as unknown as IncomingMessage)).toBe(remoteAddress);
  });
});
