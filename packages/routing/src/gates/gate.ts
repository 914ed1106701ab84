import type { ProviderView, RefusalKind, RefusalReason, RequestSpec, RoutingContext } from "../types.js";

/** One rule on who may serve a request. */
export interface Gate {
  readonly reason: RefusalReason;
  readonly kind: RefusalKind;
  /** What is wrong with a machine that this gate refuses, as a clause after "the machine". */
  readonly words: string;
  /** Pure; runs for every machine and request, so it allocates nothing. */
  refuses(provider: ProviderView, spec: RequestSpec, context: RoutingContext): boolean;
  /** Monotonic instant at which a refusal clears by itself, where the gate knows one. */
  until_ms?(provider: ProviderView, spec: RequestSpec): number;
}
