import { expect, it } from "vitest";
import { retirementHeaders } from "./retirement.js";

const deprecatedAt = new Date("2026-11-30T05:00:00.700Z");

it("says nothing of a model that stays", () => {
  expect(retirementHeaders(undefined)).toEqual({});
  expect(retirementHeaders({ deprecatedAt: null, deprecationDate: null })).toEqual({});
});

it("says since when a model is deprecated, and from when on it may be gone if that is known (RFC 9745 §2, RFC 8594 §3)", () => {
  expect(retirementHeaders({ deprecatedAt, deprecationDate: null })).toEqual({ Deprecation: "@1796014800" });
  const Sunset = "Sun, 31 Jan 2027 00:00:00 GMT";
  expect(retirementHeaders({ deprecatedAt, deprecationDate: "2027-01-31" })).toEqual({ Deprecation: "@1796014800", Sunset });
});
