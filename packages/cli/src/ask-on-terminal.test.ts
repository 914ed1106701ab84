import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { askOnTerminal } from "./ask-on-terminal.js";

function terminal() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  return { input, output, answer: askOnTerminal("Really? ", { input, output }) };
}

describe("a question on the terminal", () => {
  it("is answered by a line", async () => {
    const { input, output, answer } = terminal();
    input.write("yes\nmore\n");
    expect(await answer).toBe("yes");
    output.end();
    expect(await text(output)).toBe("Really? ");
  });

  it("is answered by nothing where the input ends", async () => {
    const { input, answer } = terminal();
    input.end();
    expect(await answer).toBe("");
  });
});
