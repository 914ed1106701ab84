import type { z } from "zod";

/** In the order in which the document lists them. */
export const TAGS = {
  Inference: "Ask a model.",
  Models: "What can be asked, and what it costs.",
  Keys: "API keys and their limits.",
  Account: "Balance and usage.",
  Billing: "Money in and out.",
  Network: "Figures for everybody.",
  Machines: "For whoever owns machines that serve.",
  Service: "The coordinator itself.",
  Operator: "For whoever runs the coordinator.",
  Catalogue: "For whoever publishes models on it.",
} as const;

export interface RouteParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly required?: boolean;
}

/** What the API document says of a route. Its schemas are those that the handler reads and writes by. */
export interface RouteDoc {
  readonly tag: keyof typeof TAGS;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly RouteParameter[];
  readonly request?: z.ZodType;
  /** Of the answer with `status`, which is 200 unless it says otherwise. */
  readonly answer: z.ZodType;
  readonly status?: number;
  /** Of the data of one server-sent event, where the answer can be streamed. */
  readonly event?: z.ZodType;
  /** Of errors; OpenAI's shape unless it says otherwise. */
  readonly error?: z.ZodType;
  /** Statuses of errors that callers should expect beside those that every route of its kind has. */
  readonly errors?: readonly number[];
}
