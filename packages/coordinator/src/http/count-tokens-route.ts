import { anthropicCountTokens, anthropicMessages, estimatePromptTokens } from "@umbel/dialects";
import { modelNotFound } from "../inference/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { exchangeBody } from "./exchange-body.js";
import { parseJsonBody } from "./json-body.js";
import type { Route } from "./route.js";

/** How long a message would be, in tokens: an estimate, for which no machine is asked and nothing is billed. Source: api.md §14.5. */
export function countTokensRoute(dependencies: HttpDependencies): Route {
  const { parse, render, schemas } = anthropicCountTokens;
  return {
    method: "POST",
    url: "/v1/messages/count_tokens",
    access: "inference",
    apiKeyHeader: true,
    doc: { tag: "Inference", summary: "Estimated length of a message in tokens", ...schemas },
    renderError: anthropicMessages.renderError,
    handle: (request, reply) =>
      exchangeBody(request, reply, anthropicMessages.renderError, dependencies, async ({ body, sink }) => {
        const counted = parse(parseJsonBody(body));
        if (dependencies.catalog.resolve(counted.model) === undefined) throw modelNotFound(counted.model);
        await sink.whole({ status: 200, headers: {}, body: render(estimatePromptTokens(counted)) });
      }),
  };
}
