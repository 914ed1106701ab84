import { describe, expect, it } from "vitest";
import { publicMachineId } from "./public-id.js";

describe("publicMachineId", () => {
  const salt = new Uint8Array([1, 2, 3]);

  it("is stable for one coordinator and differs for another", () => {
    expect(publicMachineId(salt, "machine")).toBe(publicMachineId(salt, "machine"));
    expect(publicMachineId(salt, "machine")).not.toBe(publicMachineId(new Uint8Array([4]), "machine"));
    expect(publicMachineId(salt, "machine")).not.toBe(publicMachineId(salt, "other"));
  });

  it("is the first 16 hex digits of HMAC-SHA-256", () => {
    // RFC 4231, test case 2.
    expect(publicMachineId(Buffer.from("Jefe"), "what do ya want for nothing?")).toBe("mach_5bdcc146bf60754e");
  });
});
