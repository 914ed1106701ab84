import type { z } from "zod";
import { type ApiOptions, adminKeyOf, askApi, publisherKeyOf } from "../api.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { refuse } from "../refusal.js";

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
    readonly method: "GET" | "POST" | "PUT" | "DELETE";
    /** Below `/admin`, or below the base where `isPublic`. */
    readonly pathname: string;
    readonly isPublic?: boolean;
    readonly body?: unknown;
    readonly idempotencyKey?: string | undefined;
    readonly answer: Answer;
    readonly remedy?: string;
    /** What to do about refusals of these codes, instead. */
    readonly byCode?: Readonly<Record<string, string>>;
  },
): Promise<z.output<Answer>> {
  const token = await publisherKeyOf(options);
  if (token === undefined) {
    const remedy = "Give --admin-key, UMBEL_ADMIN_KEY, or UMBEL_PUBLISHING_KEY for what changes the catalogue.";
    throw new CliError("There is no operator's key to ask with.", EXIT_CODES.authentication, remedy);
  }
  const { method, body, idempotencyKey } = call;
  const pathname = call.isPublic === true ? call.pathname : `/admin${call.pathname}`;
  const reply = await askApi({ method, pathname, token, idempotencyKey, ...(body === undefined ? {} : { body }) }, options);
  if (!reply.ok) {
    const remedy = call.remedy ?? "See `umbel models registry` and `umbel models rollouts` for how things stand.";
    const { byCode = {} } = call;
    return refuse(reply, { remedy, credential: "Check the operator's key: --admin-key, UMBEL_ADMIN_KEY, or that of --home.", byCode });
  }
  return call.answer.parse(reply.body);
}

/** Options with which a call is the operator's: a publishing key reaches the catalogue only, also where one is at hand for publishing. */
export async function asOperator<Options extends ApiOptions>(options: Options): Promise<Options> {
  const adminKey = await adminKeyOf(options);
  return adminKey === undefined ? options : { ...options, adminKey };
}

/** Every row of a list that comes in pages. @throws CliError */
export async function adminRows<Row>(
  options: PublishingOptions,
  call: { readonly pathname: string; readonly answer: z.ZodType<{ readonly data: readonly Row[]; readonly next: string | null }> },
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
    const page = await adminCall(options, { method: "GET", pathname: `${call.pathname}${query}`, answer: call.answer });
    rows.push(...page.data);
    after = page.next;
  }
  return rows;
}
