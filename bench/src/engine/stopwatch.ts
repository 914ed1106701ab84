/** Times the stretch in which every stream runs: from the first token of the last one on, until enough of all were counted. */
export interface Stopwatch {
  stream(): { tokens(count: number): void };
  /** Of all streams together. */
  tokensPerSecond(): number;
}

export function startStopwatch(streams: number, wanted: number, onEnough: () => void): Stopwatch {
  let waiting = streams;
  let [counted, begin_ms, end_ms] = [0, 0, 0];
  return {
    stream() {
      let isFirst = true;
      return {
        tokens(count) {
          if (count === 0 || end_ms > 0) return;
          if (waiting === 0) counted += count;
          if (isFirst && --waiting === 0) begin_ms = performance.now();
          isFirst = false;
          if (counted < wanted) return;
          end_ms = performance.now();
          onEnough();
        },
      };
    },
    tokensPerSecond: () => (counted * 1000) / (end_ms - begin_ms),
  };
}
