/** How the caller of a message wants its answer. */
export interface AnthropicOptions {
  /** The answer shows no thinking blocks (`thinking.display: "omitted"`); its tokens still count. */
  readonly excludeThinking: boolean;
}
