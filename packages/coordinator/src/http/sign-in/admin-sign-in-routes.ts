import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { truncatedAddress } from "../access-log.js";
import { isOperator } from "../admin/operator-standing.js";
import { asked } from "../asked.js";
import { authenticate } from "../bearer.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { originOf } from "./own-origins.js";
import { signInAttempts } from "./sign-in-attempts.js";

const initBody = z.strictObject({ email: z.string().max(320) });
const initAnswer = z.object({ status: z.literal("otp_sent"), email: z.string() });
const verifyBody = z.strictObject({ email: z.string().max(320), code: z.string().max(64) });
const verifyAnswer = z.object({ token: z.string().describe("Bearer token of a session."), email: z.string() });
const begun = z.object({ token: z.string() });

/** How operators sign in without a browser: by a code that goes by mail. Source: money.md §2. */
export function adminSignInRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { signIn, accounts, people, personSessions, signInFacts, settings } = dependencies;
  const attempts = signInAttempts(dependencies.attempts, settings);

  /** What the library behind people's pages answers to the same. */
  async function library(request: FastifyRequest, path: string, body: { readonly email: string; readonly [field: string]: string }) {
    if (!signInFacts.canMail) {
      throw new ApiError({ status: 503, code: "not_configured", message: "this coordinator sends no mail — use the operator's key" });
    }
    await attempts.take({ address: request.ip, identifier: body.email });
    const origin = originOf(request, settings);
    const headers = { origin, "content-type": "application/json", "user-agent": request.headers["user-agent"] ?? "" };
    const sent = new Request(new URL(`/api/auth${path}`, origin), { method: "POST", headers, body: JSON.stringify(body) });
    return asked(signIn.handle(sent, { origin, network: truncatedAddress(request.ip) }));
  }

  return [
    {
      method: "POST",
      url: "/v1/admin/auth/init",
      access: "sign_in",
      doc: {
        tag: "Operator",
        summary: "Have a code mailed to sign in with",
        description: "The answer is the same for an address that nobody has.",
        request: initBody,
        answer: initAnswer,
        errors: [400, 429, 503],
      },
      async handle(request): Promise<z.infer<typeof initAnswer>> {
        const { email } = await controlBody(request, initBody, dependencies);
        const { ok } = await library(request, "/email-otp/send-verification-otp", { email, type: "sign-in" });
        if (!ok) throw new ApiError({ status: 400, code: "bad_request", message: "invalid value for email", param: "email" });
        return { status: "otp_sent", email };
      },
    },
    {
      method: "POST",
      url: "/v1/admin/auth/verify",
      access: "sign_in",
      doc: {
        tag: "Operator",
        summary: "Sign in with a mailed code, as an operator",
        request: verifyBody,
        answer: verifyAnswer,
        errors: [400, 401, 403, 429, 503],
      },
      async handle(request, reply): Promise<z.infer<typeof verifyAnswer>> {
        const { email, code } = await controlBody(request, verifyBody, dependencies);
        const response = await library(request, "/sign-in/email-otp", { email, otp: code });
        const session = response.ok ? begun.safeParse(await response.json()).data : undefined;
        if (session === undefined) throw new ApiError({ status: 401, code: "auth_error", message: "this code signs nobody in" });
        const principal = await authenticate({ authorization: `Bearer ${session.token}` }, accounts);
        if (!(await asked(isOperator(principal, { settings, people })))) {
          await asked(personSessions.end(session.token));
          throw new ApiError({ status: 403, code: "forbidden", message: "this account may not use the routes of operators" });
        }
        reply.header("Cache-Control", "no-store");
        return { token: session.token, email };
      },
    },
  ];
}
