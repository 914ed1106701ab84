import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { BenchModel } from "./bench-model.js";
import type { Served } from "./endpoint.js";
import { readStreams, type Word } from "./readers.js";

/** What a peer is told when it is started. */
export interface PeerSettings {
  readonly weights: string;
  readonly text: string;
}

/**
 * The bare binding with nothing before it but Node's own HTTP server, in a process of its own: what the same client can read at most on this
 * machine, where it shares the cores.
 */
export async function startPeer(model: BenchModel, word: Word): Promise<Served> {
  const settings: PeerSettings = { weights: model.weights, text: word.text };
  const child = fork(fileURLToPath(new URL("peer-server.js", import.meta.url)), [JSON.stringify(settings)]);
  const port = await new Promise<unknown>((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the peer ended with ${code}`)));
  });
  const server = { url: `http://127.0.0.1:${String(port)}`, headers: {}, model: model.name };
  return {
    decode: (streams, tokensEach) => readStreams(server, word, streams, tokensEach),
    close: async () => {
      child.removeAllListeners("exit");
      child.kill();
    },
  };
}
