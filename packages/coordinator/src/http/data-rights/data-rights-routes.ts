import { PassThrough } from "node:stream";
import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { type Erasure, ErasureError } from "../../accounts/index.js";
import { asked } from "../asked.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import type { Route } from "../route.js";
import { zipSink } from "./zip-sink.js";

const EXPORT_LIMITS = {
  /** Exports under way at once, of all accounts; an account has one. */
  running_max: 2,
} as const;
const RETRY_AFTER_s = 30;

const eraseBody = z.strictObject({
  confirm: z.string().max(320).describe("The account's e-mail address, or its id where it has none."),
  forfeit: z.boolean().default(false).describe("Gives up what is on the account."),
});
const erasureObject = z.object({
  erasure_id: z.string(),
  requested_at: z.iso.datetime(),
  scheduled_for: z.iso.datetime().describe("Until then it can be cancelled."),
});
const cancelled = z.object({ status: z.literal("cancelled") });

/** What people may ask about what is kept of them: a copy, and its end. Source: money.md §16. */
export function dataRightsRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { dataRights, log, clock } = dependencies;
  const exporting = new Set<string>();
  return [
    {
      method: "GET",
      url: "/v1/me/export",
      access: "session",
      doc: {
        tag: "Account",
        summary: "Everything that is kept of the account but secrets, as a zip of JSON files",
        answer: z.string(),
        errors: [429],
      },
      async handle(request, reply) {
        const { accountId } = principalOf(request);
        if (exporting.has(accountId) || exporting.size >= EXPORT_LIMITS.running_max) throw busy();
        exporting.add(accountId);
        const stream = new PassThrough();
        const sink = zipSink(stream);
        dataRights
          .exportAccount(accountId, sink)
          .then(() => sink.end())
          .catch((error: unknown) => {
            // What was sent so far lacks its end, which every program notices.
            log.warn({ err: error, request_id: request.id }, "an export broke off");
            stream.destroy(new Error("the export broke off"));
          })
          .finally(() => exporting.delete(accountId));
        const day = clock.date().toISOString().slice(0, 10);
        return reply.type("application/zip").header("Content-Disposition", `attachment; filename="umbel-account-${day}.zip"`).send(stream);
      },
    },
    {
      method: "POST",
      url: "/v1/me/erase",
      access: "confirmed",
      doc: {
        tag: "Account",
        summary: "Schedule the account's end",
        description: "At once its keys are off and its machines unlinked; after the time to think it over, everything personal is erased.",
        request: eraseBody,
        answer: erasureObject,
        status: 202,
        errors: [400, 409],
      },
      async handle(request, reply): Promise<z.infer<typeof erasureObject>> {
        const wish = await controlBody(request, eraseBody, dependencies);
        const erasure = await granted(dataRights.requestErasure(principalOf(request).accountId, wish));
        void reply.status(202);
        return shown(erasure);
      },
    },
    {
      method: "GET",
      url: "/v1/me/erase",
      access: "session",
      doc: { tag: "Account", summary: "When the account is to end", answer: erasureObject, errors: [404] },
      async handle(request): Promise<z.infer<typeof erasureObject>> {
        const erasure = await asked(dataRights.erasure(principalOf(request).accountId));
        if (erasure === undefined) throw none();
        return shown(erasure);
      },
    },
    {
      method: "DELETE",
      url: "/v1/me/erase",
      access: "session",
      doc: { tag: "Account", summary: "Let the account go on; its machines have to be linked anew", answer: cancelled, errors: [404] },
      async handle(request): Promise<z.infer<typeof cancelled>> {
        if (!(await asked(dataRights.cancelErasure(principalOf(request).accountId)))) throw none();
        return { status: "cancelled" };
      },
    },
  ];
}

function shown({ id, requestedAt, scheduledFor }: Erasure): z.infer<typeof erasureObject> {
  return { erasure_id: id, requested_at: requestedAt.toISOString(), scheduled_for: scheduledFor.toISOString() };
}

async function granted<Answer>(asking: Promise<Answer>): Promise<Answer> {
  try {
    return await asked(asking);
  } catch (error) {
    if (!(error instanceof ErasureError)) throw error;
    const { message } = error;
    if (error.code === "not_confirmed") throw new ApiError({ status: 400, code: "bad_request", message, param: "confirm", cause: error });
    throw new ApiError({ status: 409, code: "conflict", message, cause: error });
  }
}

function none(): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: "the account is not to be erased" });
}

function busy(): ApiError {
  const message = "an export is under way; wait for its end";
  return new ApiError({ status: 429, code: "rate_limit_exceeded", message, retryAfter_s: RETRY_AFTER_s });
}
