import { createFakeClock } from "@umbel/protocol/testing";
import { describe, expect, it } from "vitest";
import { AGENT_LIMITS } from "./limits.js";
import { NO_TOTALS } from "./reports.js";
import { startWorkerProcess, type WorkerEnd, type WorkerProcess } from "./worker-process.js";

/** Runs a program in the worker's place, with a descriptor 3 that leads to the agent. */
function launch(program: string, file = process.execPath) {
  const clock = createFakeClock();
  let onMessage: () => void = () => undefined;
  const heard = new Promise<void>((resolve) => {
    onMessage = resolve;
  });
  let worker: WorkerProcess | undefined;
  const ended = new Promise<WorkerEnd>((resolve) => {
    const command = { file, args: ["--input-type=module", "-e", program], env: {} };
    worker = startWorkerProcess({ command, clock, onMessage, onFrame: () => undefined, onEnd: resolve });
  });
  if (worker === undefined) throw new Error("not started");
  return { clock, worker, ended, heard };
}

const state = JSON.stringify({
  type: "state",
  slots: [],
  requests: { received: 0, open: [], counted: [] },
  ...NO_TOTALS,
  rss_bytes: 1,
});
const report = `
  import { writeSync } from "node:fs";
  const text = Buffer.from(${JSON.stringify(state)});
  const header = Buffer.alloc(5);
  header.writeUInt32BE(text.length);
  writeSync(3, Buffer.concat([header, text]));
`;
const forEver = "setInterval(() => undefined, 1000);";

describe("a worker process", () => {
  it("that falls silent is ended", async () => {
    const { clock, ended, heard } = launch(report + forEver);
    await heard;
    await clock.advance(AGENT_LIMITS.workerSilence_ms);
    expect(await ended).toMatchObject({ reason: "silent", signal: "SIGKILL" });
    expect(clock.pendingTimers).toBe(0);
  });

  it("that is not read from for a while is not taken for silent", async () => {
    const { clock, worker, ended, heard } = launch(report + forEver);
    await heard;
    worker.pipe.pause();
    await clock.advance(3 * AGENT_LIMITS.workerSilence_ms);
    worker.pipe.resume();
    const left = worker.leave();
    await clock.advance(AGENT_LIMITS.workerLeave_ms);
    await left;
    expect((await ended).reason).toBeUndefined();
  });

  it("is not taken for silent when the machine slept, and is when it says nothing afterwards", async () => {
    const { clock, ended, heard } = launch(report + forEver);
    await heard;
    clock.sleep(3_600_000);
    await clock.advance(AGENT_LIMITS.workerSilence_ms - 1);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(1);
    expect((await ended).reason).toBe("silent");
  });

  it("that does not leave when asked is ended", async () => {
    const { clock, worker, ended, heard } = launch(report + forEver);
    await heard;
    const left = worker.leave();
    await clock.advance(AGENT_LIMITS.workerLeave_ms);
    await left;
    expect(await ended).toMatchObject({ signal: "SIGKILL" });
  });

  it("that writes what is no frame is ended", async () => {
    const { ended } = launch(`import { writeSync } from "node:fs"; writeSync(3, Buffer.from([0, 0, 0, 0, 9])); ${forEver}`);
    expect(await ended).toMatchObject({ reason: "broken_pipe", signal: "SIGKILL" });
  });

  it("that dies tells how, and what of its last words is known", async () => {
    const { ended } = launch('process.stderr.write("Error [ERR_ACCESS_DENIED]: a private word"); process.exitCode = 5;');
    expect(await ended).toEqual({
      pid: expect.any(Number),
      exitCode: 5,
      signal: null,
      reason: undefined,
      printed_bytes: 41,
      causes: ["access_denied"],
    });
  });

  it("that cannot be started is reported like one that died", async () => {
    const { ended } = launch("", "/nonexistent/node");
    expect(await ended).toMatchObject({ reason: "not_started", exitCode: null });
  });
});
