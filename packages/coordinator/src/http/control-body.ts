import { ApiError, parseJsonBody } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
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
  const result = schema.safeParse(bytes.length === 0 ? {} : parseJsonBody(bytes));
  if (result.success) return result.data;
  throw refusal(result.error.issues[0]);
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
