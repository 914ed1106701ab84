import { describe, expect, it } from "vitest";
import { GATES } from "../gates/index.js";
import { BUILD_REASONS, MACHINE_REASONS, REQUEST_REASONS } from "./facts.js";

describe("the gates", () => {
  it("are divided by what they look at, with none left out", () => {
    const divided = [...MACHINE_REASONS, ...BUILD_REASONS, ...REQUEST_REASONS, "breaker_open"];
    expect([...divided].sort()).toEqual(GATES.map(({ reason }) => reason).sort());
  });
});
