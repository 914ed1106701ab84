/** How far a run has come, on one line of a terminal; nothing where nobody looks. */
export interface Progress {
  /** @param share of the run, from 0 to 1 */
  show(what: string, share: number): void;
  clear(): void;
}

const CLEAR_LINE = "\r\u001b[K";

export function createProgress(stream: Pick<NodeJS.WriteStream, "isTTY" | "write">): Progress {
  if (!stream.isTTY) return { show: () => undefined, clear: () => undefined };
  let shown = "";
  return {
    show(what, share) {
      const line = `${what} ${Math.min(100, Math.floor(share * 100))} %`;
      if (line === shown) return;
      shown = line;
      stream.write(`${CLEAR_LINE}${line}`);
    },
    clear() {
      stream.write(CLEAR_LINE);
    },
  };
}
