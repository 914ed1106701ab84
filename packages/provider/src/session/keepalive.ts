import type { Clock } from "@umbel/protocol";
import { SESSION_LIMITS } from "./limits.js";

export interface KeepaliveOptions {
  readonly clock: Clock;
  readonly ping: () => void;
  /** Whether nothing is being read from the socket at the moment, so that a pong cannot have come. */
  readonly isPaused: () => boolean;
  /** The peer has fallen silent. Called at most once. */
  readonly onLost: () => void;
}

/** Pings a peer and notices its silence. */
export function startKeepalive(options: KeepaliveOptions): { onPong(): void; stop(): void } {
  const { clock } = options;
  let lastPong_ms = clock.now_ms();
  let cancel = clock.setTimer(SESSION_LIMITS.ping_ms, tick, "background");

  function tick(): void {
    if (options.isPaused()) lastPong_ms = clock.now_ms();
    if (clock.now_ms() - lastPong_ms >= SESSION_LIMITS.pong_ms_max) {
      options.onLost();
      return;
    }
    options.ping();
    cancel = clock.setTimer(SESSION_LIMITS.ping_ms, tick, "background");
  }

  return {
    onPong() {
      lastPong_ms = clock.now_ms();
    },
    stop: () => cancel(),
  };
}
