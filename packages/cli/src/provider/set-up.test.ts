import { describe, expect, it } from "vitest";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { type SetUp, setUp } from "./set-up.js";

async function answered(answers: readonly string[], change: Partial<SetUp> = {}) {
  const [left, done, questions]: [string[], string[], string[]] = [[...answers], [], []];
  await setUp({
    ...{ isLinked: false, hasModels: false, hasDecided: false },
    ask: async (question) => {
      questions.push(question);
      return left.shift() ?? "";
    },
    link: async () => void done.push("linked"),
    pick: async () => void done.push("picked"),
    decide: async (tells) => void done.push(tells ? "tells" : "tells nothing"),
    note: () => undefined,
    ...change,
  });
  return { done, questions: questions.length };
}

describe("a start on a terminal", () => {
  it.each<[string, readonly string[], Partial<SetUp>, readonly string[], number]>([
    ["offers what is to be done, and tells nothing unless its owner says so", ["", "", ""], {}, ["linked", "picked", "tells nothing"], 3],
    ["does what it is told", ["n", "no", " YES "], {}, ["tells"], 3],
    ["takes nothing else for a yes", ["maybe", "x", "of course"], {}, ["tells nothing"], 3],
    ["asks nothing once it was answered", [], { hasDecided: true }, [], 0],
    ["does not offer what is done", ["y"], { isLinked: true, hasModels: true }, ["tells"], 1],
    ["does not ask for models where there are some", ["", "y"], { hasModels: true }, ["linked", "tells"], 2],
  ])("%s", async (_, answers, change, done, questions) => {
    expect(await answered(answers, change)).toEqual({ done, questions });
  });

  it("goes on where a step fails, and says how to do it later", async () => {
    const notes: string[] = [];
    const link = () => Promise.reject(new CliError("Nothing answers.", EXIT_CODES.network));
    const { done } = await answered([], { link, note: (text) => void notes.push(text) });
    expect(done).toEqual(["picked", "tells nothing"]);
    expect(notes[0]).toBe("Nothing answers.\nIt serves all the same; do this later with: umbel provider login");
  });

  it("ends where it is broken off", async () => {
    const pick = () => Promise.reject(new CliError("Interrupted.", EXIT_CODES.interrupted));
    await expect(answered([], { pick })).rejects.toThrow("Interrupted.");
  });
});
