/** Whether inference is refused: because the operator wants it for a while, or because the coordinator stops, which is for good. */
export interface Drain {
  readonly isOn: boolean;
  /** What the operator wants. */
  set(draining: boolean): void;
  /** The coordinator stops. */
  stop(): void;
}

/** @param onChange told whether inference is refused from now on; also where it was before */
export function createDrain(onChange: (isOn: boolean) => void): Drain {
  let wanted = false;
  let stopping = false;
  return {
    get isOn() {
      return wanted || stopping;
    },
    set(draining) {
      wanted = draining;
      onChange(wanted || stopping);
    },
    stop() {
      stopping = true;
      onChange(true);
    },
  };
}
