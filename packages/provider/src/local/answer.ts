import type { ChatEvent, Dialect, FinalRenderer, StreamRenderer } from "@umbel/dialects";
import type { Clock } from "@umbel/protocol";
import { LOCAL_LIMITS } from "./limits.js";
import { toApiError } from "./local-error.js";

/** Puts a whole answer together. @throws ApiError */
export async function wholeAnswer(batches: AsyncIterable<readonly ChatEvent[]>, renderer: FinalRenderer): Promise<unknown> {
  for await (const batch of batches) for (const event of batch) renderer.event(event);
  return renderer.result();
}

export interface StreamOptions {
  readonly renderer: ReturnType<Dialect<unknown>["streamRenderer"]>;
  readonly clock: Clock;
  /** Told of a failure within the stream. */
  readonly onFailure: (error: unknown) => void;
  /** The reader takes nothing any more: what it gets is to be cut off. */
  readonly onStall: () => void;
}

/**
 * An answer as the text of server-sent events. Waits for the first of them, so that a refusal keeps its status; only when that takes long the
 * stream begins with a sign of life, and failures are told in band from then on.
 *
 * @throws ApiError for a failure before anything is there to be sent
 */
export async function streamedAnswer(batches: AsyncIterable<readonly ChatEvent[]>, options: StreamOptions): Promise<AsyncIterable<string>> {
  const steps = batches[Symbol.asyncIterator]();
  const first = steps.next();
  const begun = await within(first, LOCAL_LIMITS.signOfLife_ms, options.clock);
  return textOf(steps, begun === undefined ? first : Promise.resolve(begun), options);
}

type Step = IteratorResult<readonly ChatEvent[], unknown>;

async function* textOf(steps: AsyncIterator<readonly ChatEvent[]>, first: Promise<Step>, options: StreamOptions): AsyncGenerator<string> {
  const { renderer, clock } = options;
  let next = first;
  try {
    for (;;) {
      const step = await within(next, LOCAL_LIMITS.signOfLife_ms, clock);
      if (step?.done === true) break;
      const text = step === undefined ? renderer.keepAlive() : render(step.value, renderer);
      if (text !== "") yield* watched(text, options);
      if (step !== undefined) next = steps.next();
    }
    yield* watched(renderer.end(), options);
  } catch (error) {
    options.onFailure(error);
    yield renderer.error(toApiError(error));
  } finally {
    await steps.return?.();
  }
}

/** Notices when what was handed out is not taken. */
function* watched(text: string, { clock, onStall }: StreamOptions): Generator<string> {
  const cancel = clock.setTimer(LOCAL_LIMITS.stall_ms, onStall);
  try {
    yield text;
  } finally {
    cancel();
  }
}

function render(batch: readonly ChatEvent[], renderer: StreamRenderer): string {
  return batch.map((event) => renderer.event(event)).join("");
}

/** Undefined when it takes longer. */
async function within<Value>(value: Promise<Value>, wait_ms: number, clock: Clock): Promise<Value | undefined> {
  let cancel: () => void = () => undefined;
  const timeout = new Promise<undefined>((resolve) => {
    cancel = clock.setTimer(wait_ms, () => resolve(undefined));
  });
  return Promise.race([value, timeout]).finally(cancel);
}
