import {
  anthropicCountTokens,
  anthropicMessages,
  type ChatRequest,
  type Dialect,
  type DialectSchemas,
  estimatePromptTokens,
  openaiInputTokens,
  openaiResponses,
  parseJsonBody,
} from "@umbel/dialects";
import { notInCatalog } from "../inference/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { exchangeBody } from "./exchange-body.js";
import type { Route } from "./route.js";

/** Where a dialect lets its caller ask how long a prompt would be. */
export const COUNTERS: readonly Counter[] = [
  {
    path: "/v1/messages/count_tokens",
    counting: anthropicCountTokens,
    summary: "Estimated length of a message in tokens",
    renderError: anthropicMessages.renderError,
    apiKeyHeader: true,
  },
  {
    path: "/v1/responses/input_tokens",
    counting: openaiInputTokens,
    summary: "Estimated length of a response's input in tokens",
    renderError: openaiResponses.renderError,
    apiKeyHeader: false,
  },
];

interface Counter {
  readonly path: string;
  readonly counting: {
    readonly schemas: DialectSchemas;
    parse(body: unknown): ChatRequest;
    render(promptTokens: number): unknown;
  };
  readonly summary: string;
  readonly renderError: Dialect<unknown>["renderError"];
  /** Whether its clients send the key as `x-api-key`. */
  readonly apiKeyHeader: boolean;
}

/** How long a prompt would be, in tokens: an estimate, for which no machine is asked and nothing is billed. Source: api.md §14.5. */
export function countTokensRoutes(dependencies: HttpDependencies): readonly Route[] {
  return COUNTERS.map(({ path, counting, summary, renderError, apiKeyHeader }) => ({
    method: "POST",
    url: path,
    access: "inference",
    apiKeyHeader,
    doc: { tag: "Inference", summary, ...counting.schemas },
    renderError,
    handle: (request, reply) =>
      exchangeBody(request, reply, renderError, dependencies, async ({ body, sink }) => {
        const counted = counting.parse(parseJsonBody(body));
        if (dependencies.catalog.resolve(counted.model) === undefined) throw notInCatalog(counted.model, dependencies.catalog);
        await sink.whole({ status: 200, headers: {}, body: counting.render(estimatePromptTokens(counted)) });
      }),
  }));
}
