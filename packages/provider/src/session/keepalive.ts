import type { Clock } from "@umbel/protocol";
import { SESSION_LIMITS } from "./limits.js";

export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly ping: () => void;
  /** Whether nothing is being read from the socket at the moment, so that a pong cannot have come. */
  readonly isPaused: () => boolean;
  /** The peer has fallen silent, or this machine slept. Called at most once. */
  readonly onLost: (cause: "silent" | "suspended") => void;
}

/** Pings a peer and notices its silence; notices too when this machine was asleep between two pings. */
export function startKeepalive(options: KeepaliveOptions): { onPong(): void; stop(): void } {
  const { clock } = options;
  let lastPong_ms = clock.now_ms();
  let lastTick = clock.date().getTime();
  let cancel = clock.setTimer(SESSION_LIMITS.ping_ms, tick, "background");

  function tick(): void {
    const loss = lossNow();
    if (loss !== undefined) {
      options.onLost(loss);
      return;
    }
    options.ping();
    cancel = clock.setTimer(SESSION_LIMITS.ping_ms, tick, "background");
  }

  function lossNow(): "silent" | "suspended" | undefined {
    const late_ms = clock.date().getTime() - lastTick - SESSION_LIMITS.ping_ms;
    if (late_ms > SESSION_LIMITS.suspended_ms) return "suspended";
    lastTick = clock.date().getTime();
    if (options.isPaused()) lastPong_ms = clock.now_ms();
    return clock.now_ms() - lastPong_ms >= SESSION_LIMITS.pong_ms_max ? "silent" : undefined;
  }

  return {
    onPong() {
      lastPong_ms = clock.now_ms();
    },
    stop: () => cancel(),
  };
}
