import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { PriceTooHighError } from "../../ledger/index.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { jsonAmount, usdPerMillion } from "../money-format.js";
import type { Route } from "../route.js";

/** Far above any price that an operator would let pass. */
const PRICE_microUsd_max = 1_000_000_000_000;

const price = z.int().min(1).max(PRICE_microUsd_max).describe("Millionths of a USD per million tokens.");
const model = z.string().min(1).max(256);
const priceBody = z.strictObject({ model, input_price: price, output_price: price });
const modelBody = z.strictObject({ model });

const ownPrice = z.object({
  model: z.string(),
  input_price: z.int(),
  output_price: z.int(),
  input_usd: z.string(),
  output_usd: z.string(),
  list_input_price: z.int().describe("What the network asks for, of machines whose owner asks for nothing of its own."),
  list_output_price: z.int(),
  updated_at: z.iso.datetime(),
});
const ownPriceList = z.object({ object: z.literal("list"), data: z.array(ownPrice), max_multiple: z.int() });
const updated = z.object({
  status: z.literal("updated"),
  model: z.string(),
  input_price: z.int(),
  output_price: z.int(),
  input_usd: z.string(),
  output_usd: z.string(),
});
const removed = z.object({ status: z.literal("deleted"), model: z.string() });

/** What a provider asks for its machines' work. Source: money.md §6. */
export function ownPriceRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { ownPrices, ledger, catalog, settings } = dependencies;

  /** Prices stand by builds; a public name stands for one. */
  const buildOf = (name: string): string => {
    const build = catalog.resolve(name)?.build.id ?? catalog.build(name)?.id;
    if (build !== undefined) return build;
    throw new ApiError({ status: 404, code: "model_not_found", message: `the catalogue has no model "${name}"`, param: "model" });
  };

  return [
    {
      method: "GET",
      url: "/v1/me/pricing",
      access: "session",
      doc: { tag: "Machines", summary: "What the account's machines ask for", answer: ownPriceList },
      async handle(request) {
        const own = await ownPrices.list(principalOf(request).accountId);
        const data = own.map(async ({ model: build, updatedAt, ...prices }) => {
          const listed = await ledger.prices(build);
          return {
            model: build,
            input_price: jsonAmount(prices.input_microUsd),
            output_price: jsonAmount(prices.output_microUsd),
            input_usd: perMillion(prices.input_microUsd),
            output_usd: perMillion(prices.output_microUsd),
            list_input_price: jsonAmount(listed.input_microUsd),
            list_output_price: jsonAmount(listed.output_microUsd),
            updated_at: updatedAt.toISOString(),
          };
        });
        return { object: "list", data: await Promise.all(data), max_multiple: settings.providerPriceMultiple_max };
      },
    },
    {
      method: "PUT",
      url: "/v1/pricing",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Set what the account's machines ask for a model",
        description: "Requests that are under way are settled at the price that stood when they were sent to the machine.",
        request: priceBody,
        answer: updated,
        errors: [400, 404],
      },
      async handle(request) {
        const body = await controlBody(request, priceBody, dependencies);
        const build = buildOf(body.model);
        const prices = { input_microUsd: BigInt(body.input_price), output_microUsd: BigInt(body.output_price) };
        await ownPrices.set(principalOf(request).accountId, build, prices).catch((error: unknown) => {
          if (!(error instanceof PriceTooHighError)) throw error;
          const message = `${error.message} here, ${settings.providerPriceMultiple_max} times the network's own price`;
          throw new ApiError({ status: 400, code: "invalid_request_error", message, param: `${error.side}_price`, cause: error });
        });
        return {
          status: "updated",
          model: build,
          input_price: body.input_price,
          output_price: body.output_price,
          input_usd: perMillion(prices.input_microUsd),
          output_usd: perMillion(prices.output_microUsd),
        };
      },
    },
    {
      method: "DELETE",
      url: "/v1/pricing",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Ask for a model what the network asks for",
        request: modelBody,
        answer: removed,
        errors: [400, 404],
      },
      async handle(request) {
        const body = await controlBody(request, modelBody, dependencies);
        const build = catalog.resolve(body.model)?.build.id ?? body.model;
        if (await ownPrices.remove(principalOf(request).accountId, build)) return { status: "deleted", model: build };
        throw new ApiError({
          status: 404,
          code: "not_found",
          message: "this account asks for nothing of its own for that model",
          param: "model",
        });
      },
    },
  ];
}

function perMillion(price_microUsd: bigint): string {
  return `${usdPerMillion(price_microUsd)} per 1M tokens`;
}
