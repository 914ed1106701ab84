/** How the caller of a text completion wants its answer. */
export interface CompletionOptions {
  /** Usage comes on a chunk of its own, without choices, instead of on the last finish chunk. */
  readonly includeUsage: boolean;
  /** What stands before every answer: the prompt, or nothing. */
  readonly echo: string;
  /** How many answers were asked for. */
  readonly choices: number;
}
