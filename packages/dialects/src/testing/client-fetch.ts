import { ApiError } from "../canonical/api-error.js";
import type { ChatEvent } from "../canonical/chat-event.js";
import type { AnyDialect, RenderContext } from "../dialect.js";

/** What the server behind a client does with a request. */
export interface Scene {
  readonly events: readonly ChatEvent[];
  /** Ends a stream after the events, and refuses a request for a whole answer. */
  readonly failure?: ApiError;
}

export function answered(events: readonly ChatEvent[]): Scene {
  return { events };
}

/**
 * The `fetch` of an official client over a server that is nothing but a dialect: what the client sends is parsed, what it gets is rendered,
 * and a stream arrives one byte at a time, with signs of life in it.
 */
export function createDialectClientFetch<Options>(dialect: AnyDialect<Options>, scene: Scene): typeof fetch {
  return async (_url, init) => {
    try {
      return answer(dialect, JSON.parse(String(init?.body)), scene);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return Response.json(dialect.renderError(error, "req-1"), { status: error.status });
    }
  };
}

function answer<Options>(dialect: AnyDialect<Options>, body: unknown, { events, failure }: Scene): Response {
  const { request, stream, options } = dialect.parse(body);
  const context: RenderContext<Options> = { id: "1", created_s: 1_700_000_000, model: request.model, options };
  if (stream && "streamRenderer" in dialect) {
    const renderer = dialect.streamRenderer(context);
    const written = [renderer.keepAlive(), ...events.map((event) => renderer.event(event) + renderer.keepAlive())];
    written.push(failure === undefined ? renderer.end() : renderer.error(failure));
    return new Response(byteByByte(written.join("")), { headers: { "content-type": "text/event-stream" } });
  }
  if (failure !== undefined) throw failure;
  const renderer = dialect.finalRenderer(context);
  for (const event of events) renderer.event(event);
  return Response.json(renderer.result());
}

/** As a network may cut it at worst: between any two bytes, also within a character. */
function byteByByte(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let position = 0;
  return new ReadableStream({
    pull(controller) {
      if (position >= bytes.length) controller.close();
      else controller.enqueue(bytes.slice(position, position + 1));
      position += 1;
    },
  });
}
