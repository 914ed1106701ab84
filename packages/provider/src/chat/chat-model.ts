import { CHOICES_MAX, type ChatEvent, type ChatRequest } from "@umbel/dialects";
import type { Clock, InferenceAccepted, ModelInfo, ReasoningParser, Slot } from "@umbel/protocol";
import { BatchError, type BatchEvent, createBatcher, laneOf } from "../batch/index.js";
import type { GenerateRequest, LoadedModel } from "../engine/index.js";
import { type AnswerEnd, createAnswerEvents } from "./answer-events.js";
import { badParameter, ChatError } from "./chat-error.js";
import { answerGrammar } from "./constraint/answer-grammar.js";
import { merge } from "./merge.js";
import { createPromptBuilder, type Prompt } from "./prompt/prompt-builder.js";
import { engineSampling } from "./sampling.js";
import { createTextTools, type TextTools } from "./text-tools.js";

export interface ChatModelDependencies {
  /** Owned by the chat model from now on. */
  readonly loaded: LoadedModel;
  readonly info: ModelInfo;
  readonly clock: Clock;
  /** Uniform in [0, 1); for ids of tool calls and for seeds. */
  readonly random: () => number;
  /** The engine has fallen silent: every request has failed with `engine_crash`, and the process should be replaced. Called once. */
  readonly onEngineCrash?: () => void;
}

export interface RunOptions {
  /** Unique among the requests that are queued or running. */
  readonly requestId: string;
  /** Prompts are remembered by scope, and places in the queue shared fairly by its account (`laneOf`). Undefined: nothing is remembered. */
  readonly cacheScope: string | undefined;
  /** Most that an answer may have whose request sets no bound; what the prompt leaves of the context limits it besides. */
  readonly outputTokens_max?: number;
  /** How thinking is told from the answer; absent is by `<think>` at its beginning. */
  readonly reasoningParser?: ReasoningParser | undefined;
  /** Cancels in any phase. */
  readonly signal: AbortSignal;
  readonly onPhase: (phase: InferenceAccepted["phase"]) => void;
}

/** One request as a slot's figures count it. */
export interface CountedWork {
  readonly id: string;
  readonly tokens: number;
  /** Of those that run and wait: one for each answer. */
  readonly places: number;
}

/** A loaded model that holds conversations. */
export interface ChatModel {
  /**
   * Answers one request. The first event is `started`, the last one `finish`; also of a request that is cancelled after something could
   * be seen of its answer. Leaving the loop cancels.
   *
   * @throws ChatError from the iteration: `client_request` with `param`, `context_exceeded` and `capacity_*` with `needed` and
   *   `available`, `template_render`, `engine_crash`, `not_loaded`, `internal`, and `cancelled` when nothing could be seen yet.
   */
  run(request: ChatRequest, options: RunOptions): AsyncIterable<ChatEvent>;
  /** Undefined of a model that makes vectors. */
  readonly text?: TextTools | undefined;
  /** What a heartbeat says of this model. */
  slot(): Slot;
  /** The requests that `slot` counts. */
  counted(): CountedWork[];
  /** Ends what is running with `not_loaded` and frees the model. */
  dispose(): Promise<void>;
}

/** Bound on an answer whose request has none (provider.md §5.4). */
export const answerTokensDefault_max = 4096;
/** Stop strings of one request (provider.md §5.4). */
export const stopStrings_max = 16;

/** Between a request's id and the number of one of its further answers, each of which the batcher takes for a request. */
const CHOICE_MARK = "#";

const callId_characters = "abcdefghijklmnopqrstuvwxyz0123456789";
const callId_length = 24;

export function createChatModel({ loaded, info, clock, random, onEngineCrash = () => undefined }: ChatModelDependencies): ChatModel {
  const batcher = createBatcher({ loaded, clock, onEngineCrash });
  const prompts = createPromptBuilder(loaded, clock);

  function newCallId(): string {
    const characters = Array.from({ length: callId_length }, () =>
      callId_characters.charAt(Math.floor(random() * callId_characters.length)),
    );
    return `call_${characters.join("")}`;
  }

  function generateRequest(request: ChatRequest, prompt: Prompt, options: RunOptions): GenerateRequest {
    const { cacheScope, outputTokens_max = answerTokensDefault_max } = options;
    const available = loaded.contextLength_tokens;
    const maxTokens = request.maxOutputTokens ?? Math.min(available - prompt.tokens.length, outputTokens_max);
    const needed = prompt.tokens.length + Math.max(1, maxTokens);
    if (needed > available) throw new ChatError("context_exceeded", { needed, available });
    const grammar = answerGrammar(request, prompt.opensReasoning);
    if (grammar !== undefined && !loaded.features.has("grammar")) {
      throw badParameter(request.responseFormat.type === "text" ? "tool_choice" : "response_format");
    }
    return {
      tokens: prompt.tokens,
      maxTokens,
      sampling: engineSampling(request, loaded.vocabularySize, random),
      ...(grammar === undefined ? {} : { grammar }),
      ...(request.topLogprobs === undefined ? {} : { topLogprobs: request.topLogprobs }),
      ...(cacheScope === undefined ? {} : { cacheScope }),
    };
  }

  function check(request: ChatRequest): void {
    if (request.task.type === "embedding") throw badParameter("model");
    if (request.choices < 1 || request.choices > CHOICES_MAX) throw badParameter("n");
    if (request.stop.length > stopStrings_max || request.stop.includes("")) throw badParameter("stop");
    if (request.topLogprobs !== undefined && !loaded.features.has("logprobs")) throw badParameter("logprobs");
  }

  /** One answer: its events, and `started` before them; at last how it ended. */
  async function* answerOne(
    request: ChatRequest,
    prompt: Prompt,
    generate: GenerateRequest,
    options: RunOptions,
    choice: number,
    seen: { anything: boolean },
  ): AsyncGenerator<ChatEvent, AnswerEnd, void> {
    const answer = createAnswerEvents({
      kind: request.task.type === "chat" ? "answer" : "text",
      opensReasoning: prompt.opensReasoning,
      reasoning: options.reasoningParser ?? "think",
      tools: request.tools.length > 0 && request.toolChoice.type !== "none" ? "parse" : "ignore",
      stop: request.stop,
      newCallId,
      hideReasoning: request.reasoning.exclude,
      singleCall: !request.parallelToolCalls,
      choice,
    });
    for await (const event of submit(generate, options)) {
      if (event.type === "failed") throw toChatError(event.error);
      if (event.type === "started") {
        yield { type: "started", promptTokens: event.promptTokens, cachedPromptTokens: event.cachedTokens };
      } else if (event.type === "token") {
        yield* answer.token(event);
        seen.anything ||= answer.visible;
        if (answer.complete) return answer.end("stop");
      } else {
        if (event.reason === "cancelled" && !seen.anything) throw new ChatError("cancelled");
        yield* answer.rest();
        return answer.end(event.reason);
      }
    }
    throw new ChatError("internal");
  }

  async function* run(request: ChatRequest, options: RunOptions): AsyncGenerator<ChatEvent, void> {
    if (options.signal.aborted) throw new ChatError("cancelled");
    check(request);
    const prompt = prompts.build(request);
    const generate = generateRequest(request, prompt, options);
    const seen = { anything: false };
    const answers = Array.from({ length: request.choices }, (_, choice) => {
      if (choice === 0) return answerOne(request, prompt, generate, options, choice, seen);
      // Else equal seeds would make equal answers.
      const sampling = { ...generate.sampling, seed: ((generate.sampling.seed ?? 0) + choice) % 2 ** 32 };
      const own = { ...options, requestId: `${options.requestId}${CHOICE_MARK}${choice}`, onPhase: () => undefined };
      return answerOne(request, prompt, { ...generate, sampling }, own, choice, seen);
    });
    let started: Extract<ChatEvent, { type: "started" }> | undefined;
    const merged = merge(answers);
    let step = await merged.next();
    try {
      for (; step.done !== true; step = await merged.next()) {
        const event = step.value;
        if (event.type !== "started") yield event;
        else if (started === undefined) {
          started = event;
          yield event;
        }
      }
    } finally {
      await merged.return([]);
    }
    yield finishOf(step.value, started ?? { promptTokens: prompt.tokens.length, cachedPromptTokens: 0 });
  }

  function submit(generate: GenerateRequest, { requestId, cacheScope, signal, onPhase }: RunOptions): AsyncIterable<BatchEvent> {
    try {
      return batcher.submit({
        id: requestId,
        lane: laneOf(cacheScope),
        generate,
        signal,
        onPhase: (phase) => {
          if (phase !== "decoding") onPhase(phase);
        },
      });
    } catch (error) {
      throw error instanceof BatchError ? toChatError(error) : error;
    }
  }

  return {
    run,
    text: createTextTools(loaded, prompts),
    slot() {
      const { state, running, waiting, active_tokens, reserved_tokens, decode_tps, prefill_tps } = batcher.figures();
      return {
        model: info.id,
        state,
        num_running: running,
        num_waiting: waiting,
        max_concurrency: loaded.sequences,
        active_tokens,
        token_budget_used: reserved_tokens,
        token_budget_max: loaded.cache_tokens,
        ...(decode_tps === undefined ? {} : { observed_decode_tps: decode_tps }),
        ...(prefill_tps === undefined ? {} : { observed_prefill_tps: prefill_tps }),
        model_load_time_ms: loaded.load_ms,
      };
    },
    counted() {
      const byRequest = new Map<string, CountedWork>();
      for (const { id: ownId, reserved_tokens } of batcher.held()) {
        const [id = ownId] = ownId.split(CHOICE_MARK);
        const { tokens = 0, places = 0 } = byRequest.get(id) ?? {};
        byRequest.set(id, { id, tokens: tokens + reserved_tokens, places: places + 1 });
      }
      return [...byRequest.values()];
    },
    async dispose() {
      await batcher.stop();
      await loaded.dispose();
    },
  };
}

/** The prompt was read for all answers together and is counted once. */
function finishOf(
  ends: readonly AnswerEnd[],
  { promptTokens, cachedPromptTokens }: { readonly promptTokens: number; readonly cachedPromptTokens: number },
): ChatEvent {
  const endings = ends.map(({ reason, stop }) => ({ reason, ...(stop === undefined ? {} : { stop }) }));
  const [first = { reason: "stop" as const }] = endings;
  const total = (count: (end: AnswerEnd) => number): number => ends.reduce((sum, end) => sum + count(end), 0);
  return {
    type: "finish",
    ...first,
    ...(ends.length > 1 ? { choices: endings } : {}),
    usage: {
      promptTokens,
      completionTokens: total((end) => end.completionTokens),
      reasoningTokens: total((end) => end.reasoningTokens),
      cachedPromptTokens,
    },
  };
}

function toChatError(error: BatchError): ChatError {
  return new ChatError(error.errorClass, { ...error.figures, cause: error });
}
