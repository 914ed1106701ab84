import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { isOperator } from "../admin/operator-standing.js";
import { asked } from "../asked.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import type { Route } from "../route.js";

const personObject = z.object({
  account_id: z.string(),
  display_name: z.string(),
  email: z.string().nullable().describe("Null where nobody has proven one."),
  email_pending: z.boolean(),
  operator: z.boolean().describe("Whether the caller may use the routes of operators."),
  second_factor: z.boolean(),
  signs_in_here: z.boolean().describe("False for accounts of other identity providers, and of programs."),
  session: z.object({ id: z.string().nullable(), how: z.string(), proven_at: z.iso.datetime() }),
});

const sessionObject = z.object({
  id: z.string(),
  current: z.boolean(),
  user_agent: z.string(),
  network: z.string().describe("Where it was begun, truncated."),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().describe("To the day."),
  expires_at: z.iso.datetime(),
});
const sessionList = z.object({ object: z.literal("list"), data: z.array(sessionObject) });
const revokedSession = z.object({ status: z.literal("revoked") });
const revokedSessions = z.object({ status: z.literal("revoked"), sessions: z.int() });

/** Who has signed in, and where else the account is signed in. Source: console.md §2.2. */
export function sessionRoutes({ people, personSessions, settings }: HttpDependencies): readonly Route[] {
  return [
    {
      method: "GET",
      url: "/v1/me",
      access: "session",
      doc: { tag: "Account", summary: "Who has signed in", answer: personObject, errors: [404] },
      async handle(request) {
        const principal = principalOf(request);
        const { accountId, session } = principal;
        const standing = await asked(people.standing(accountId));
        return {
          account_id: accountId,
          display_name: standing?.displayName ?? "",
          email: standing?.email ?? null,
          email_pending: standing?.emailPending ?? false,
          operator: await asked(isOperator(principal, { settings, people })),
          second_factor: standing?.secondFactor ?? false,
          signs_in_here: standing?.signsInHere ?? false,
          session: { id: session?.id ?? null, how: session?.how ?? "", proven_at: session?.provenAt.toISOString() ?? "" },
        };
      },
    },
    {
      method: "GET",
      url: "/v1/me/sessions",
      access: "session",
      doc: { tag: "Account", summary: "Where the account is signed in, newest first", answer: sessionList },
      async handle(request) {
        const { accountId, session } = principalOf(request);
        const sessions = await asked(personSessions.list(accountId));
        return {
          object: "list",
          data: sessions.map(({ id, userAgent, network, createdAt, lastUsedAt, expiresAt }) => ({
            ...{ id, current: id === session?.id, user_agent: userAgent, network },
            created_at: createdAt.toISOString(),
            last_used_at: lastUsedAt.toISOString(),
            expires_at: expiresAt.toISOString(),
          })),
        };
      },
    },
    {
      method: "DELETE",
      url: "/v1/me/sessions/:id",
      access: "session",
      doc: { tag: "Account", summary: "Sign out elsewhere", answer: revokedSession, errors: [404] },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        if (await asked(personSessions.revoke(principalOf(request).accountId, id))) return { status: "revoked" };
        throw new ApiError({ status: 404, code: "not_found", message: "the account has no such session" });
      },
    },
    {
      method: "POST",
      url: "/v1/me/sessions/revoke-others",
      access: "session",
      doc: { tag: "Account", summary: "Sign out everywhere else", answer: revokedSessions },
      async handle(request) {
        const { accountId, session } = principalOf(request);
        return { status: "revoked", sessions: await asked(personSessions.revokeOthers(accountId, session?.id ?? "")) };
      },
    },
  ];
}
