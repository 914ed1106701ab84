import type { ErrorClass } from "@umbel/protocol";

export interface ChatErrorDetail {
  /** The parameter at fault, as the request spells it: `messages`, `response_format`. */
  readonly param?: string;
  /** Figures that explain it, in tokens or requests. */
  readonly needed?: number;
  readonly available?: number;
  readonly cause?: unknown;
}

/** Why a request was refused or broke off. The message is the class: it never quotes the request. */
export class ChatError extends Error {
  override readonly name = "ChatError";
  readonly param: string | undefined;
  readonly needed: number | undefined;
  readonly available: number | undefined;

  constructor(
    readonly errorClass: ErrorClass,
    detail: ChatErrorDetail = {},
  ) {
    super(errorClass, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.param = detail.param;
    this.needed = detail.needed;
    this.available = detail.available;
  }
}

/** A refusal that names what the caller has to change. */
export function badParameter(param: string): ChatError {
  return new ChatError("client_request", { param });
}
