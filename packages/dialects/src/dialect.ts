import type { z } from "zod";
import type { ApiError } from "./canonical/api-error.js";
import type { ChatEvent } from "./canonical/chat-event.js";
import type { ChatRequest } from "./canonical/chat-request.js";

/** What a caller asks of the choice of machine; never sent to a provider. */
export interface RoutingHints {
  /** Public ids of the machines that may serve the request; absent is any. */
  readonly providers?: readonly string[];
  /** The caller's name for prompts that begin alike (`prompt_cache_key`, `user`): what has equal names may share a prefix cache. */
  readonly cacheKey?: string;
}

/** A parsed request: what to run and how its caller wants the answer. */
export interface ParsedRequest<Options> {
  readonly request: ChatRequest;
  /** Whether the caller asked for server-sent events. */
  readonly stream: boolean;
  /** What only this dialect's renderer needs, e.g. whether a usage chunk was asked for. */
  readonly options: Options;
  readonly routing?: RoutingHints;
}

/** Facts about an answer that the renderer puts into it; time and ids are given, never read. */
export interface RenderContext<Options> {
  /** Id of the answer without the dialect's prefix. */
  readonly id: string;
  /** Unix time in seconds. */
  readonly created_s: number;
  /** The model name as the caller wrote it. */
  readonly model: string;
  readonly options: Options;
  /** The answer can be fetched again by its id; absent is that nothing is kept. Only responses say so. */
  readonly isKept?: boolean;
  /** Signed usage receipt of the provider, when there is one at the end. */
  readonly receipt?: () => string | undefined;
}

/**
 * Renders one answer as server-sent events. Each call returns the bytes to write as text, possibly empty. Whichever of `error` and `end`
 * is called first terminates the stream; every later call returns the empty text.
 */
export interface StreamRenderer {
  /** Holds `finish` back until `end`, when the receipt is there. */
  event(event: ChatEvent): string;
  /** What keeps the connection alive while a prompt is being read; may come before every event, and more than once. */
  keepAlive(): string;
  /** The in-band error and the terminator, for a stream that has begun. */
  error(error: ApiError): string;
  /** The end of the answer and the terminator; without a `finish` before, an in-band `provider_error` instead. */
  end(): string;
}

/** Collects one answer and renders it as a JSON value. */
export interface FinalRenderer {
  event(event: ChatEvent): void;
  /** @throws ApiError 502 `provider_error` when there was no `finish`. */
  result(): unknown;
}

/** The wire's JSON, from which the types beside them are inferred. */
export interface DialectSchemas {
  readonly request: z.ZodType;
  /** Of a whole answer. */
  readonly answer: z.ZodType;
  /** Of the data of one server-sent event; absent where nothing is streamed. */
  readonly event?: z.ZodType;
  readonly error: z.ZodType;
}

/** One API surface: pure translation between its JSON and the canonical request and events. */
export interface WholeDialect<Options> {
  readonly id: string;
  /** What goes over the wire, for documents and for tests of the renderers. */
  readonly schemas: DialectSchemas;
  /** @throws ApiError with status 400 and the parameter's path when the body is not a valid request of this dialect. */
  parse(body: unknown): ParsedRequest<Options>;
  finalRenderer(context: RenderContext<Options>): FinalRenderer;
  /** The body of a plain HTTP error. */
  renderError(error: ApiError, requestId: string): unknown;
}

/** An API surface whose answers can be streamed. */
export interface Dialect<Options> extends WholeDialect<Options> {
  streamRenderer(context: RenderContext<Options>): StreamRenderer;
}

/** Any surface; `parse` asks for a stream only of one that has them. */
export type AnyDialect<Options> = Dialect<Options> | WholeDialect<Options>;
