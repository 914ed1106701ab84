import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";

/** The query of a request, as a route reads it. @throws ApiError 400 that names the first parameter that does not fit */
export function queryOf<Schema extends z.ZodType>({ query }: Pick<FastifyRequest, "query">, schema: Schema): z.output<Schema> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = issue?.code === "unrecognized_keys" ? issue.keys[0] : issue?.path.map(String).join(".");
  const isMissing = issue?.code === "invalid_type" && param !== undefined && !Object.hasOwn(Object(query), param);
  const wrong = isMissing ? `${param} is required` : `invalid value for ${param}: ${issue?.message}`;
  const message = issue?.code === "unrecognized_keys" ? `${param} is no parameter of this request` : wrong;
  throw new ApiError({ status: 400, code: "invalid_request_error", message, ...(param === undefined ? {} : { param }) });
}
