import type { z } from "zod";
import { type ApiOptions, askApi, publisherKeyOf, refused } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";

export interface PublishingOptions extends ApiOptions {
  readonly json?: boolean;
}

/**
 * A call to the operator's part of the API.
 *
 * @param call.remedy what to do when the coordinator refuses
 * @returns the answer, as its schema reads it
 * @throws CliError
 */
export async function adminCall<Answer extends z.ZodType>(
  options: PublishingOptions,
  call: {
    readonly method: "GET" | "POST" | "DELETE";
    readonly pathname: string;
    readonly body?: unknown;
    readonly answer: Answer;
    readonly remedy?: string;
  },
): Promise<z.output<Answer>> {
  const token = await publisherKeyOf(options);
  if (token === undefined) {
    const remedy = "Give --admin-key, UMBEL_ADMIN_KEY, or UMBEL_PUBLISHING_KEY for what changes the catalogue.";
    throw new CliError("There is no operator's key to ask with.", EXIT_CODES.authentication, remedy);
  }
  const { method, pathname, body } = call;
  const reply = await askApi({ method, pathname: `/admin${pathname}`, token, ...(body === undefined ? {} : { body }) }, options);
  if (!reply.ok) return refused(reply, call.remedy ?? "See `umbel models registry` and `umbel models rollouts` for how things stand.");
  return call.answer.parse(reply.body);
}
