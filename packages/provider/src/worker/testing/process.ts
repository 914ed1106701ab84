import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { decodeFrame, type Frame, type InferenceComplete, type InferenceError } from "@umbel/protocol";
import { openPipe, type Pipe } from "../pipe.js";
import { type AnswerReader, type FromWorker, fromWorker, type ToWorker } from "../pipe-messages.js";
import { type SealedChat, workerEntry } from "./index.js";

export type Ready = Extract<FromWorker, { type: "ready" }>;
type Terminal = InferenceComplete | InferenceError;

/** A worker in a process of its own, seen from the agent's end of its pipe. */
export interface TestWorker {
  readonly child: ChildProcess;
  readonly pipe: Pipe<ToWorker>;
  readonly stream: Duplex;
  readonly messages: FromWorker[];
  readonly frames: Frame[];
  /** Everything that came over the pipe and the standard streams. */
  readonly bytes: Buffer[];
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  until<T extends FromWorker>(matches: (message: FromWorker) => message is T): Promise<T>;
}

export type ReadyWorker = TestWorker & { readonly ready: Ready };

/** The caller ends the child. */
export function launchWorker(nodeFlags: readonly string[] = []): TestWorker {
  const child = spawn(process.execPath, [...nodeFlags, workerEntry], { env: {}, stdio: ["ignore", "pipe", "pipe", "pipe"] });
  const messages: FromWorker[] = [];
  const frames: Frame[] = [];
  const bytes: Buffer[] = [];
  const listeners = new Set<() => void>();
  const stream = child.stdio[3] as Duplex;
  for (const source of [child.stdout, child.stderr, stream]) source?.on("data", (chunk: Buffer) => bytes.push(chunk));
  const pipe = openPipe<FromWorker, ToWorker>(stream, {
    parse: (value) => fromWorker.parse(value),
    onControl(message) {
      messages.push(message);
      for (const listener of [...listeners]) listener();
    },
    onWire: (frame) => frames.push(decodeFrame(frame)),
    onClose: () => undefined,
  });
  const exited = once(child, "exit").then(([code, signal]: unknown[]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  return {
    ...{ child, pipe, stream, messages, frames, bytes, exited },
    until: (matches) =>
      new Promise((resolve) => {
        const look = () => {
          const found = messages.find(matches);
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
  };
}

/** Starts what was launched; resolves when it is ready. */
export async function startWorker(worker: TestWorker, start: Omit<Extract<ToWorker, { type: "start" }>, "type">): Promise<ReadyWorker> {
  worker.pipe.sendControl({ type: "start", ...start });
  return { ...worker, ready: await worker.until((message): message is Ready => message.type === "ready") };
}

export function submit(worker: TestWorker, { request, body }: SealedChat, reader: AnswerReader = "coordinator"): void {
  worker.pipe.sendControl({ type: "inference_request", request, reader });
  worker.pipe.sendWire(body);
}

/** What the worker told the coordinator of a request so far. */
export function forwarded(worker: TestWorker, { request }: SealedChat) {
  return worker.messages.flatMap((message) =>
    message.type === "forward" && message.message.request_id === request.request_id ? [message.message] : [],
  );
}

export async function terminalOf(worker: TestWorker, { request }: SealedChat): Promise<Terminal> {
  type Forward = Extract<FromWorker, { type: "forward" }>;
  const isTerminal = (message: FromWorker): message is Forward & { message: Terminal } =>
    message.type === "forward" && message.message.type !== "inference_accepted" && message.message.request_id === request.request_id;
  return (await worker.until(isTerminal)).message;
}

/** The whole answer, opened, once its terminal came. */
export async function answerOf(worker: TestWorker, sealed: SealedChat) {
  const terminal = await terminalOf(worker, sealed);
  const accepted = forwarded(worker, sealed).find((message) => message.type === "inference_accepted");
  const answer = await sealed.open(accepted?.response_nonce ?? "", worker.frames);
  return { terminal, answer };
}
