/**
 * What a dying worker prints names the cause, but may name anything; so the text is looked through for these phrases and thrown away.
 */
const phrases = {
  heap_out_of_memory: "heap out of memory",
  module_not_found: "ERR_MODULE_NOT_FOUND",
  access_denied: "ERR_ACCESS_DENIED",
  bad_option: "bad option",
  not_permitted: "Operation not permitted",
} as const;

export type WorkerOutputCause = keyof typeof phrases;

/** Counts what a worker prints and recognises a few causes in it. Keeps none of the text beyond what a phrase may straddle. */
export interface WorkerOutput {
  add(chunk: Buffer): void;
  readonly bytes: number;
  readonly causes: readonly WorkerOutputCause[];
}

const longestPhrase = Math.max(...Object.values(phrases).map((phrase) => phrase.length));

export function createWorkerOutput(): WorkerOutput {
  const causes = new Set<WorkerOutputCause>();
  let bytes = 0;
  let rest = "";
  return {
    add(chunk) {
      bytes += chunk.length;
      const text = rest + chunk.toString("latin1");
      for (const [cause, phrase] of Object.entries(phrases) as [WorkerOutputCause, string][]) {
        if (text.includes(phrase)) causes.add(cause);
      }
      rest = text.slice(-longestPhrase);
    },
    get bytes() {
      return bytes;
    },
    get causes() {
      return [...causes];
    },
  };
}
