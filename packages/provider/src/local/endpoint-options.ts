import { z } from "zod";

const endpoint = z.strictObject({
  /** Where it listens: this machine only, unless it is told otherwise. */
  host: z.string().min(1).default("127.0.0.1"),
  /** 0 is any free one. */
  port: z.number().int().min(0).max(65_535).default(8000),
  /** Whether a key is asked for. Without one only this machine can be listened on. */
  requiresKey: z.boolean().default(true),
  /** Origins of web pages that may ask, as a browser writes them. */
  origins: z.array(z.string()).default([]),
  /** Names by which the endpoint may be called, besides `localhost`, addresses and the machine's own name. */
  hostNames: z.array(z.string()).default([]),
});

/** How the endpoint for this machine's own programs is opened. */
export const endpointOptions = endpoint.refine(({ requiresKey, host }) => requiresKey || isLoopback(host), {
  error: "without a key only this machine itself may be listened on (127.0.0.1, ::1 or localhost)",
  path: ["host"],
});
export type EndpointOptions = z.output<typeof endpointOptions>;

/** Addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}
