/** Whether inference is refused: because the operator wants it for a while, or because the coordinator stops, which is for good. */
export interface Drain {
  readonly isOn: boolean;
  /** What the operator wants. */
  set(draining: boolean): void;
  /** The coordinator stops. */
  stop(): void;
}

export function createDrain(): Drain {
  let wanted = false;
  let stopping = false;
  return {
    get isOn() {
      return wanted || stopping;
    },
    set(draining) {
      wanted = draining;
    },
    stop() {
      stopping = true;
    },
  };
}
