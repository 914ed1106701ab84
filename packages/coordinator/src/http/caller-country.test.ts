import { describe, expect, it } from "vitest";
import { callerCountry } from "./caller-country.js";

const PROXIED = ["10.0.0.1", "203.0.113.9"];
const header = "cf-ipcountry";

describe("the country of a caller", () => {
  it.each<[string, string | undefined, string[], string | undefined]>([
    ["is what a trusted proxy says", "de", PROXIED, "DE"],
    ["is not what the caller says itself", "DE", ["203.0.113.9"], undefined],
    ["is not known to the proxy", "XX", PROXIED, undefined],
    ["is hidden", "T1", PROXIED, undefined],
    ["is no country", "Germany", PROXIED, undefined],
    ["is not said", undefined, PROXIED, undefined],
  ])("%s", (_, said, ips, expected) => {
    expect(callerCountry({ headers: { [header]: said }, ips }, { countryHeader: header })).toBe(expected);
    expect(callerCountry({ headers: { [header]: said }, ips }, { countryHeader: undefined })).toBeUndefined();
  });
});
