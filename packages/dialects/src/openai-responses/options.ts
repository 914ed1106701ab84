import type { EchoedSettings } from "./answer-schema.js";

/** How the caller of a response wants its answer, and what the answer says again of the request. */
export interface OpenAiResponsesOptions {
  /** The answer shows no reasoning; its tokens still count. */
  readonly excludeReasoning: boolean;
  readonly settings: EchoedSettings;
}
