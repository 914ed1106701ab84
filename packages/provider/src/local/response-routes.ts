import { type ChatEvent, followResponse, type OpenAiResponsesOptions, openaiResponses, type RenderContext } from "@umbel/dialects";
import type { FastifyInstance } from "fastify";
import type { KeptResponses } from "./kept-responses.js";
import { toApiError } from "./local-error.js";

/** What responses alone can do: they can be fetched again, cancelled from elsewhere, and deleted. */
export function addResponseRoutes(app: FastifyInstance, kept: KeptResponses): void {
  const { renderError } = openaiResponses;
  for (const prefix of ["/v1", ""]) {
    // Checked by the route.
    const idOf = ({ params }: { readonly params: unknown }): string => (params as { readonly id: string }).id;
    app.get(`${prefix}/responses/:id`, { config: { renderError } }, async (request) => kept.find(idOf(request)));
    app.post(`${prefix}/responses/:id/cancel`, { config: { renderError } }, async (request) => kept.cancel(idOf(request)));
    app.delete(`${prefix}/responses/:id`, { config: { renderError } }, async (request) => kept.remove(idOf(request)));
  }
}

interface Following {
  /** Aborted when somebody cancels it from elsewhere. */
  readonly cancelled: AbortSignal;
  /** The same batches, looked at as they pass. */
  through(batches: AsyncIterable<readonly ChatEvent[]>): AsyncIterable<readonly ChatEvent[]>;
}

export function keepAsItComes(context: RenderContext<OpenAiResponsesOptions>, kept: KeptResponses): Following {
  const response = followResponse(context);
  const stopper = new AbortController();
  return {
    cancelled: stopper.signal,
    async *through(batches) {
      const onEnd = kept.follow(response, stopper);
      try {
        for await (const batch of batches) {
          for (const event of batch) response.event(event);
          yield batch;
        }
        response.end();
      } catch (error) {
        response.fail(toApiError(error));
        throw error;
      } finally {
        // Whoever read it has left.
        response.cancel();
        onEnd();
      }
    },
  };
}

/** Whether these are a response's options. */
export function areOfResponse(options: unknown): options is OpenAiResponsesOptions {
  return typeof options === "object" && options !== null && "settings" in options && "excludeReasoning" in options;
}
