import { describe, expect, it } from "vitest";
import { AddressGate, addressGroup } from "./address-gate.js";

describe("AddressGate", () => {
  it("admits as many sockets at once as one address may have", () => {
    const gate = new AddressGate({ sockets_max: 2, upgradesPerMinute_max: 100 });
    expect(gate.enter("a", 0).ok).toBe(true);
    expect(gate.enter("a", 0).ok).toBe(true);
    expect(gate.enter("a", 0)).toMatchObject({ ok: false, reason: "sockets" });
    expect(gate.enter("b", 0).ok).toBe(true);
    gate.leave("a");
    expect(gate.enter("a", 0).ok).toBe(true);
  });

  it("admits as many upgrades within any minute as one address may make, and says when the next one is due", () => {
    const gate = new AddressGate({ sockets_max: 100, upgradesPerMinute_max: 2 });
    gate.enter("a", 0);
    gate.enter("a", 10_000);
    expect(gate.enter("a", 59_000)).toEqual({ ok: false, reason: "rate", retryAfter_s: 1 });
    expect(gate.enter("a", 60_000).ok).toBe(true);
    expect(gate.enter("a", 60_001)).toMatchObject({ ok: false, retryAfter_s: 10 });
  });

  it("does not count what it refuses", () => {
    const gate = new AddressGate({ sockets_max: 1, upgradesPerMinute_max: 2 });
    gate.enter("a", 0);
    for (let i = 0; i < 10; i++) gate.enter("a", 1);
    gate.leave("a");
    expect(gate.enter("a", 2).ok).toBe(true);
  });
});

describe("addressGroup", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::9", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ])("counts %s as %s", (address, group) => {
    expect(addressGroup(address)).toBe(group);
  });
});
