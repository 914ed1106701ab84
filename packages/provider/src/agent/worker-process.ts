import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import type { Clock } from "@umbel/protocol";
import type { LaunchCommand } from "../evidence/launch-command.js";
import { openPipe, type Pipe } from "../worker/pipe.js";
import { type FromWorker, fromWorker, type ToWorker } from "../worker/pipe-messages.js";
import { AGENT_LIMITS } from "./limits.js";
import { createWorkerOutput, type WorkerOutputCause } from "./worker-output.js";

/** How a worker process came to its end. */
export interface WorkerEnd {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the agent ended it, if it did. */
  readonly reason: "silent" | "broken_pipe" | "not_started" | undefined;
  /** How much it printed, and what was recognised in it. */
  readonly printed_bytes: number;
  readonly causes: readonly WorkerOutputCause[];
}

export interface WorkerProcessOptions {
  readonly command: LaunchCommand;
  readonly clock: Clock;
  readonly onMessage: (message: FromWorker) => void;
  /** A sealed chunk frame. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** Called once; nothing comes from this worker afterwards. */
  readonly onEnd: (end: WorkerEnd) => void;
}

/** One worker process and the pipe to it. */
export interface WorkerProcess {
  /** Undefined where it could not be started. */
  readonly pid: number | undefined;
  readonly pipe: Pipe<ToWorker>;
  /** Asks it to leave, and ends it if it does not. Resolves when it is gone. */
  leave(): Promise<void>;
}

/** Index of the pipe among the child's descriptors; the worker knows it as `PIPE_DESCRIPTOR`. */
const pipeIndex = 3;

export function startWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  const { command, clock } = options;
  const child = spawn(command.file, command.args, { env: command.env, stdio: ["ignore", "ignore", "pipe", "pipe"], windowsHide: true });
  const output = createWorkerOutput();
  let reason: WorkerEnd["reason"];
  let cancelSilence: () => void = () => undefined;
  let isPaused = false;
  let isGone = false;
  let settle: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    settle = resolve;
  });

  const opened = openPipe<FromWorker, ToWorker>(pipeOf(child), {
    parse: (value) => fromWorker.parse(value),
    onControl(message) {
      expectAnother();
      options.onMessage(message);
    },
    onWire: options.onFrame,
    onClose: (error) => {
      if (error !== undefined) end("broken_pipe");
    },
  });
  const pipe: Pipe<ToWorker> = {
    ...opened,
    get congested() {
      return opened.congested;
    },
    pause() {
      isPaused = true;
      opened.pause();
    },
    resume() {
      isPaused = false;
      opened.resume();
    },
  };

  child.stderr?.on("data", (chunk: Buffer) => output.add(chunk));
  // Whatever is still in the pipe of a worker that has gone must be read, or its end is never seen.
  child.once("exit", () => pipe.resume());
  child.once("error", () => {
    reason ??= "not_started";
    finish(null, null);
  });
  child.once("close", finish);
  expectAnother();

  function finish(exitCode: number | null, signal: NodeJS.Signals | null): void {
    if (isGone) return;
    isGone = true;
    cancelSilence();
    options.onEnd({ pid: child.pid, exitCode, signal, reason, printed_bytes: output.bytes, causes: output.causes });
    settle();
  }

  /** While nothing is read from the pipe, nothing can be heard either. */
  function expectAnother(): void {
    if (isGone) return;
    cancelSilence();
    const due_ms = clock.now_ms() + AGENT_LIMITS.workerSilence_ms;
    cancelSilence = clock.setTimer(
      AGENT_LIMITS.workerSilence_ms,
      () => {
        const isLate = clock.now_ms() - due_ms > AGENT_LIMITS.workerSilenceLate_ms_max;
        if (isPaused || isLate) expectAnother();
        else end("silent");
      },
      "background",
    );
  }

  function end(why: WorkerEnd["reason"]): void {
    reason ??= why;
    child.kill("SIGKILL");
  }

  return {
    pid: child.pid,
    pipe,
    async leave() {
      pipe.sendControl({ type: "shutdown" });
      const cancel = clock.setTimer(AGENT_LIMITS.workerLeave_ms, () => end(undefined));
      await gone;
      cancel();
    },
  };
}

function pipeOf(child: ChildProcess): Duplex {
  const stream = child.stdio[pipeIndex];
  if (!(stream instanceof Duplex)) throw new Error("the worker was started without its pipe");
  return stream;
}
