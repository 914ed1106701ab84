import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { asked } from "../asked.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { actorOf } from "../publishing/index.js";
import type { Route } from "../route.js";
import { originOf } from "./own-origins.js";
import { signInAttempts } from "./sign-in-attempts.js";

const publicConfig = z.object({
  name: z.string(),
  setup_needed: z.boolean().describe("Nobody has an account yet; see /setup."),
  registration: z.enum(["open", "invite", "closed"]),
  sign_in: z.object({
    password: z.boolean(),
    email_code: z.boolean().describe("Whether codes and links can be mailed."),
    passkey: z.boolean(),
    providers: z.array(z.object({ id: z.string(), name: z.string() })),
  }),
});

const firstPersonBody = z.strictObject({ token: z.string(), name: z.string(), email: z.string(), password: z.string() });
const setUpAnswer = z.object({ status: z.literal("made") });
const invitationBody = z.strictObject({ email: z.string() });
const invitationObject = z.object({
  id: z.string(),
  email: z.string(),
  status: z.enum(["open", "used", "revoked", "expired"]),
  invited_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  account_id: z.string().nullable(),
});
export const issuedInvitation = invitationObject.extend({ link: z.string().describe("Where the address makes its account.") });
export const invitationList = z.object({ object: z.literal("list"), data: z.array(invitationObject) });
export const revokedInvitation = z.object({ status: z.literal("revoked") });

/** How people come to have an account: the first of all, and those whom operators invite. Source: console.md §2.2. */
export function peopleRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { people, signInFacts, mail, settings, clock } = dependencies;
  const attempts = signInAttempts(dependencies.attempts, settings);

  const shown = (row: Awaited<ReturnType<typeof people.invite>>) => ({
    ...{ id: row.id, email: row.email, invited_by: row.invitedBy, account_id: row.accountId },
    status: row.usedAt !== null ? "used" : row.revokedAt !== null ? "revoked" : row.expiresAt <= clock.date() ? "expired" : "open",
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
  });

  return [
    {
      method: "GET",
      url: "/v1/config/public",
      access: "public",
      doc: { tag: "Service", summary: "What a sign-in page has to know", answer: publicConfig },
      async handle(request, reply) {
        const { registration, canMail, providers } = signInFacts;
        reply.header("Cache-Control", "no-cache");
        return {
          name: "Umbel",
          setup_needed: await asked(people.isEmpty()),
          registration,
          sign_in: {
            password: true,
            email_code: canMail,
            // Browsers bind passkeys to names, and take none for a bare address.
            passkey: !/^https?:\/\/(?:\[|\d+\.)/.test(originOf(request, settings)),
            providers: providers.map(({ id, name }) => ({ id, name })),
          },
        };
      },
    },
    {
      method: "POST",
      url: "/v1/setup",
      access: "public",
      doc: {
        tag: "Service",
        summary: "Make the first account, which is an operator's",
        description: "Takes the token that was printed at the first start, and is not there afterwards.",
        request: firstPersonBody,
        answer: setUpAnswer,
        errors: [400, 401, 404],
      },
      async handle(request) {
        const body = await controlBody(request, firstPersonBody, dependencies);
        if (!(await asked(people.isEmpty()))) throw setUpAlready();
        await attempts.take({ address: request.ip });
        const outcome = await asked(people.setUp(body));
        if (outcome === "done") throw setUpAlready();
        if (outcome === "made") return { status: "made" };
        throw new ApiError({ status: 401, code: "authentication_error", message: "this is not the set-up token that was printed" });
      },
    },
    {
      method: "POST",
      url: "/v1/admin/invitations",
      access: "admin",
      doc: {
        tag: "Operator",
        summary: "Invite an address to make an account",
        request: invitationBody,
        answer: issuedInvitation,
        errors: [400],
      },
      async handle(request) {
        const { email } = await controlBody(request, invitationBody, dependencies);
        const row = await asked(people.invite(email, actorOf(request)));
        const link = `${originOf(request, settings)}/sign-up?email=${encodeURIComponent(row.email)}`;
        mail.invitation(row.email, link);
        return { ...shown(row), link };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/invitations",
      access: "admin",
      doc: { tag: "Operator", summary: "The latest invitations, newest first", answer: invitationList },
      handle: async () => ({ object: "list", data: (await asked(people.invitations())).map(shown) }),
    },
    {
      method: "DELETE",
      url: "/v1/admin/invitations/:id",
      access: "admin",
      doc: { tag: "Operator", summary: "Take an invitation back", answer: revokedInvitation, errors: [404] },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        if (await asked(people.revokeInvitation(id))) return { status: "revoked" };
        throw new ApiError({ status: 404, code: "not_found", message: "there is no such invitation that is open" });
      },
    },
  ];
}

function setUpAlready(): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: "this coordinator is set up already" });
}
