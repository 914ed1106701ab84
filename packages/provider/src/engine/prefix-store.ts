/** Where what a sequence knows of a prompt goes when the sequence is needed for another, and comes back from. Of one model. */
export interface PrefixStore {
  /** Shorter beginnings are not worth the way. */
  readonly tokens_min: number;
  /** Larger states are not kept. */
  readonly state_bytes_max: number;
  /**
   * Keeps the state of a sequence, unless another is being kept. Never throws: what cannot be kept is not.
   *
   * @param save writes the state into the file of that path
   * @returns when the sequence may change again
   */
  keep(prefix: Prefix, save: (path: string) => Promise<unknown>): Promise<void>;
  /** Resolves when another can be kept. */
  settled(): Promise<void>;
  /** What is kept of the scope and shares the longest beginning with `prompt`; undefined when that is not much longer than what is known. */
  find(prompt: Prefix, known_tokens: number): KeptPrefix | undefined;
}

export interface Prefix {
  /** Who may reuse it. */
  readonly scope: string;
  readonly tokens: Uint32Array;
}

export interface KeptPrefix {
  /** All that is kept, which may go on differently from the prompt. */
  readonly tokens: Uint32Array;
  /**
   * Brings the state into a file from which it can be loaded. Undefined when it is gone or was spoilt.
   *
   * @param isWanted looked at now and then; it ends early when it is not any more
   */
  fetch(isWanted: () => boolean): Promise<FetchedPrefix | undefined>;
}

export interface FetchedPrefix {
  readonly tokens: Uint32Array;
  readonly path: string;
  /** The file is not needed any more. Others wait for that. */
  release(): void;
}
