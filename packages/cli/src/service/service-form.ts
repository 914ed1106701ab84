/** What a background service is to run, and as what. */
export interface ServiceSpec {
  /** Of the service, one for each Umbel home, e.g. `umbel-provider`. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Where what it prints goes if the system keeps no such log by itself. */
  readonly crashLog: string;
  /** How long it may take to stop. */
  readonly stop_s: number;
  readonly userHome: string;
  /** As the system knows who is logged in. */
  readonly user: { readonly name: string; readonly id: number };
}

/** A command of the system and what it answered. */
export interface Answer {
  /** Undefined: there is no such program. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServiceState {
  readonly isRunning: boolean;
  /** Undefined where the system does not tell. */
  readonly pid: number | undefined;
  /** It crashed so often that the system starts it no more. */
  readonly hasGivenUp: boolean;
  /** In the system's own words. */
  readonly words: string;
}

/** A command, as program and arguments. What is optional may fail. */
export interface Step {
  readonly command: readonly string[];
  readonly isOptional?: boolean;
}

/** How a service is kept by one kind of system. Nothing here does anything by itself. */
export interface ServiceForm {
  /** What keeps it, for people. */
  readonly manager: string;
  readonly file: { readonly path: string; readonly text: string; readonly encoding: "utf8" | "utf16le" };
  /** Succeeds where there is such a manager and this user may speak with it. */
  readonly probe: Step;
  /** After the file was written. */
  readonly install: readonly Step[];
  readonly start: readonly Step[];
  /** Before the file is removed, and after. */
  readonly uninstall: readonly Step[];
  readonly afterRemoval: readonly Step[];
  readonly query: Step;
  state(answer: Answer): ServiceState;
  /** Asks whether the service runs without anybody logged in; absent where it cannot. */
  readonly lingering?: { readonly query: Step; isMissing(answer: Answer): boolean; readonly advice: string };
}

/** No service file has room for a line break, and a path that holds one would write lines of its own. */
export function assertOneLine(values: readonly string[]): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const bad = values.find((value) => /[\u0000-\u001f\u007f]/.test(value));
  if (bad !== undefined) throw new RangeError(`${JSON.stringify(bad)} holds a line break or another control character`);
}
