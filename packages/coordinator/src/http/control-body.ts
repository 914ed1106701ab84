import { ApiError, parseJsonBody } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { parse } from "lossless-json";
import type { z } from "zod";
import type { HttpDependencies } from "./dependencies.js";
import { readBody } from "./read-body.js";
import { refuseUnreadableBody } from "./unreadable-body.js";

/** Of a request that manages something; none needs more. Source: api.md §4. */
export const CONTROL_BODY_bytes_max = 64 * 1024;

/**
 * The JSON body of a request that manages something; an empty one is an empty object.
 *
 * @param bytes_max the largest that is read
 * @throws ApiError 400 `bad_request` that names the first field that does not fit; 408 and 413 as other bodies
 */
export async function controlBody<Schema extends z.ZodType>(
  request: FastifyRequest,
  schema: Schema,
  { clock, settings }: Pick<HttpDependencies, "clock" | "settings">,
  bytes_max = CONTROL_BODY_bytes_max,
): Promise<z.output<Schema>> {
  refuseUnreadableBody(request.headers);
  const limits = { bytes_max, idle_ms: settings.bodyIdleTimeout_ms, total_ms: settings.bodyTimeout_ms };
  const bytes = await readBody(request.raw, limits, clock);
  const result = schema.safeParse(bytes.length === 0 ? {} : withExactAmounts(parseJsonBody(bytes), bytes));
  if (result.success) return result.data;
  throw refusal(result.error.issues[0]);
}

/** Fields of amounts are named like this everywhere. */
const IS_AMOUNT = /_usd$/;

/** Numbers that are amounts of money as the text that they were written in: a number that was read has lost digits that the rules count. */
function withExactAmounts(body: Readonly<Record<string, unknown>>, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const amounts = Object.keys(body).filter((name) => IS_AMOUNT.test(name) && typeof body[name] === "number");
  if (amounts.length === 0) return body;
  const written = parse(Buffer.from(bytes).toString(), undefined, { parseNumber: (text) => text }) as Readonly<Record<string, unknown>>;
  return { ...body, ...Object.fromEntries(amounts.map((name) => [name, written[name]])) };
}

function refusal(issue: z.core.$ZodIssue | undefined): ApiError {
  if (issue?.code === "unrecognized_keys") {
    const [param = ""] = issue.keys;
    return badRequest(param, `${param} is no field of this request`);
  }
  const param = (issue?.path ?? []).map(String).join(".");
  return badRequest(param, `invalid value for ${param}: ${lowered(issue?.message ?? "not valid")}`);
}

function badRequest(param: string, message: string): ApiError {
  return new ApiError({ status: 400, code: "bad_request", message, ...(param === "" ? {} : { param }) });
}

function lowered(sentence: string): string {
  return sentence.replace(/^Invalid input: /, "").replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}
