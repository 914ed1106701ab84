import type { Clock } from "@umbel/protocol";
import { awakeCommand, type HeldProgram, type StartProgram, startSystemProgram } from "./awake-program.js";

/** Requests follow each other: a machine is not let go of between two of them. */
const LINGER_ms = 30_000;

export interface StayAwakeParts {
  readonly clock: Clock;
  /** The system does not let itself be kept awake. */
  readonly onUnavailable: (program: string) => void;
  readonly platform?: NodeJS.Platform;
  readonly start?: StartProgram;
}

/** Keeps a machine from falling asleep while it answers, and only then: a program of the operating system is held for as long. */
export class StayAwake {
  readonly #parts: StayAwakeParts;
  #held: HeldProgram | undefined;
  #cancelLinger: (() => void) | undefined;
  /** The program is not there or does not work: it is not tried again. */
  #isUnavailable = false;

  constructor(parts: StayAwakeParts) {
    this.#parts = parts;
  }

  /** To be told again and again. A machine on its battery is let sleep, whatever it answers. */
  onLoad({ inFlight, onBattery }: { readonly inFlight: number; readonly onBattery: boolean }): void {
    if (onBattery) this.stop();
    else if (inFlight > 0) this.#hold();
    else if (this.#held !== undefined) this.#cancelLinger ??= this.#parts.clock.setTimer(LINGER_ms, () => this.stop(), "background");
  }

  stop(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    this.#held?.release();
    this.#held = undefined;
  }

  #hold(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = undefined;
    const { platform = process.platform, start = startSystemProgram, onUnavailable } = this.#parts;
    const command = awakeCommand(platform);
    if (this.#held !== undefined || this.#isUnavailable || command === undefined) return;
    const held = start(command);
    this.#held = held;
    void held.ended.then(() => {
      if (this.#held !== held) return;
      this.#held = undefined;
      this.#isUnavailable = true;
      onUnavailable(command.program);
    });
  }
}
