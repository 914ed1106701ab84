import { createFakeClock } from "@umbel/protocol/testing";
import type { FastifyReply, FastifyRequest } from "fastify";
import { describe, expect, it } from "vitest";
import type { Principal, SessionFacts } from "../accounts/index.js";
import { loadSettings } from "../config/index.js";
import type { HttpDependencies } from "./dependencies.js";
import { createGates } from "./gates.js";
import { CONFIRMED_ms } from "./just-signed-in.js";
import type { Route } from "./route.js";
import { WRONG_CREDENTIALS } from "./wrong-credentials.js";

const clock = createFakeClock(new Date("2026-03-01T12:00:00Z"));
const METHODS = ["api_key", "provider_token", "session"] as const;

/** Whether a request with this kind of credential passes the gates of a route, or what refuses it. */
async function passing(access: Route["access"], method: Principal["method"], options: { verb?: string; provenAt?: Date } = {}) {
  const session: SessionFacts = { how: "signed", provenAt: options.provenAt ?? clock.date() };
  const principal: Principal = { accountId: "alice", method, key: undefined, ...(method === "session" ? { session } : {}) };
  const dependencies = { accounts: { authenticate: async () => principal }, clock, settings: loadSettings({ env: {} }), adminKey: "x" };
  // Only what the gates of accounts touch is there.
  const gates = createGates(dependencies as unknown as HttpDependencies, () => false)[access];
  const request = { method: options.verb ?? "GET", headers: { authorization: "Bearer x" }, routeOptions: { config: {} }, exchange: {} };
  try {
    for (const gate of gates) await gate(request as unknown as FastifyRequest, {} as FastifyReply);
    return "passes";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("the gates of accounts", () => {
  it.each([
    ["account", ["api_key", "session"]],
    ["holder", ["api_key", "provider_token", "session"]],
    ["session", ["session"]],
    ["confirmed", ["session"]],
    ["owner", ["provider_token", "session"]],
  ] as const)("%s lets %j in", async (access, allowed) => {
    const outcomes = await Promise.all(METHODS.map(async (method) => [method, await passing(access, method)]));
    const expected = METHODS.map((method) => [method, (allowed as readonly string[]).includes(method) ? "passes" : "forbidden"]);
    expect(outcomes).toEqual(expected);
  });

  it("do not let an address guess on, nor lock out whoever has got in from it before", async () => {
    const authenticate = async (token: string) => (token === "good" ? { accountId: "a", method: "api_key" } : undefined);
    const dependencies = { accounts: { authenticate }, clock, settings: loadSettings({ env: {} }), adminKey: "x" };
    const gates = createGates(dependencies as unknown as HttpDependencies, () => false).account;
    const guess = async (ip: string, key = "guess") => {
      const request = { ip, method: "GET", headers: { authorization: `Bearer ${key}` }, routeOptions: { config: {} }, exchange: {} };
      const [first] = gates;
      return first?.(request as unknown as FastifyRequest, {} as FastifyReply).catch((error: { status: number }) => error.status);
    };
    const answers: unknown[] = [];
    expect(await guess("203.0.113.1", "good")).toBeUndefined();
    for (let guesses = 0; guesses < 60; guesses++) answers.push(await guess("203.0.113.1"));
    expect(new Set(answers)).toEqual(new Set([401, 429]));
    expect(answers.filter((status) => status === 401)).toHaveLength(WRONG_CREDENTIALS.burst);
    expect(await guess("203.0.113.1", "good")).toBeUndefined();
    expect(await guess("203.0.113.2")).toBe(401);
  });

  it("ask for a sign-in of the last minutes where it is confirmed", async () => {
    const before = (ms: number) => new Date(clock.date().getTime() - ms);
    expect(await passing("confirmed", "session", { provenAt: before(CONFIRMED_ms) })).toBe("passes");
    expect(await passing("confirmed", "session", { provenAt: before(CONFIRMED_ms + 1) })).toBe("confirmation_required");
  });
});
