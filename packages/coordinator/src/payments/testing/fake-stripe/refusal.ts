/** An error as Stripe answers it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    readonly more: { readonly code?: string; readonly param?: string } = {},
  ) {
    super(message);
  }

  get body(): object {
    const { type, message, more } = this;
    return { error: { type, message, ...more, request_log_url: "https://dashboard.stripe.test/logs" } };
  }
}

export function missing(param: string): Refusal {
  return new Refusal(400, "invalid_request_error", `Missing required param: ${param}.`, { code: "parameter_missing", param });
}

export function unknown(kind: string, id: string): Refusal {
  return new Refusal(404, "invalid_request_error", `No such ${kind}: '${id}'`, { code: "resource_missing", param: "id" });
}
