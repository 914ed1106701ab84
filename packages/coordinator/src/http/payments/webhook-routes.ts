import { ApiError } from "@umbel/dialects";
import { PAYMENT_LIMITS, SignatureError } from "../../payments/index.js";
import type { HttpDependencies } from "../dependencies.js";
import { readBody } from "../read-body.js";
import type { Route } from "../route.js";

/** Where Stripe tells what has happened. Its answers are read by Stripe alone: plain text. Sources: money.md §11, §12. */
export function webhookRoutes({ payments, clock, settings, log }: HttpDependencies): readonly Route[] {
  const webhook = (url: string, endpoint: "account" | "connect"): Route => ({
    method: "POST",
    url,
    access: "webhook",
    async handle(request, reply) {
      reply.type("text/plain; charset=utf-8");
      try {
        const limits = {
          bytes_max: PAYMENT_LIMITS.webhook_bytes_max,
          idle_ms: settings.bodyIdleTimeout_ms,
          total_ms: settings.bodyTimeout_ms,
        };
        const body = await readBody(request.raw, limits, clock);
        const signature = request.headers["stripe-signature"];
        await payments.receive({ endpoint, body, signature: typeof signature === "string" ? signature : undefined });
        return reply.status(200).send("");
      } catch (error) {
        if (error instanceof ApiError) return reply.status(error.status).send(error.message);
        if (error instanceof SignatureError) return reply.status(400).send("signature refused");
        // Stripe sends it again.
        log.error({ err: error, request_id: request.id }, "an event of Stripe was not processed");
        return reply.status(500).send("");
      }
    },
  });
  return [webhook("/v1/billing/stripe/webhook", "account"), webhook("/v1/billing/stripe/connect/webhook", "connect")];
}
