import { expect, it } from "vitest";
import type { ProviderStatus } from "../provider/ask.js";
import { judge } from "./running-provider.js";

const BEFORE = { version: "1.0.0", phase: "serving", connected: true, load_failures: [{ build: "a", code: "c", message: "" }] };

/** Only what is looked at. */
const status = (change: object = {}): ProviderStatus => ({ ...BEFORE, version: "1.1.0", ...change }) as unknown as ProviderStatus;

it.each<[string, object, object, string | undefined]>([
  ["serves", {}, {}, undefined],
  ["rests", {}, { phase: "resting" }, undefined],
  ["has lost its coordinator", {}, { phase: "connecting" }, "it did not get registered with the coordinator"],
  ["never had its coordinator", { connected: false }, { phase: "connecting" }, undefined],
  ["has failed", {}, { phase: "failed" }, "it is failed"],
  ["is the old one", {}, { version: "1.0.0" }, "1.0.0 was started, and not 1.1.0: install the service anew with this program"],
  [
    "has lost a model",
    {},
    { load_failures: [...BEFORE.load_failures, { build: "b", code: "gguf", message: "" }] },
    "it could not load b (gguf)",
  ],
])("a new version that %s", (_, before, after, why) => {
  expect(judge(status(after), status({ ...BEFORE, ...before }), "1.1.0")).toBe(why);
});

it("is missed when nothing is heard of it", () => {
  expect(judge(undefined, status(), "1.1.0")).toBe("it was not heard of after its start");
});
