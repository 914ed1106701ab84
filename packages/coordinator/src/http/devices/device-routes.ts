import { ApiError, type ApiErrorCode } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import { AccountsUnavailableError, type CodeState, DEVICE_LIMITS, type ProviderTokenRecord } from "../../accounts/index.js";
import { truncatedAddress } from "../access-log.js";
import { asked } from "../asked.js";
import { bearerOf } from "../bearer.js";
import { LINK_PAGE } from "../console.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import type { Route } from "../route.js";
import { byAddress, takeAll } from "../sign-in/index.js";
import {
  codeAnswer,
  codeBody,
  decidedAnswer,
  PERSON_SCOPES,
  PROVIDER_SCOPES,
  pendingAnswer,
  pollAnswer,
  pollBody,
  revokedAnswer,
  tokenList,
  tokenObject,
  userCodeBody,
} from "./device-schema.js";

/** Codes that one address may ask for: ten an hour. */
const CODES = { name: "device codes", perSecond: 10 / 3_600, burst: 10 };
/** Wrong user codes of one account, and of one address: ten in a quarter of an hour. */
const WRONG_CODES = { name: "user codes", perSecond: 10 / 900, burst: 10 };
const TOO_MANY = "too many codes — wait before the next";

/** Links a machine to the account of somebody who has signed in (RFC 8628). Sources: money.md §4, api.md §22. */
export function deviceRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { devices, accounts, attempts, settings } = dependencies;

  /** Runs `look` for a caller who has not guessed too often. @throws ApiError */
  async function guarded(request: FastifyRequest, look: () => Promise<CodeState>): Promise<void> {
    const who = [`account ${principalOf(request).accountId}`, byAddress(request.ip)];
    const counted = who.map((one) => ({ limit: WRONG_CODES, who: one }));
    // Before the look, so that many who come at once see no more than one after the other.
    await takeAll(attempts, counted, TOO_MANY);
    const state = await asked(look());
    if (state !== "pending") throw notOpen(state);
    // What was decided stands, also where the count cannot be taken back.
    await attempts.giveBack(counted).catch((error: unknown) => {
      if (!(error instanceof AccountsUnavailableError)) throw error;
    });
  }

  async function decide(request: FastifyRequest, decision: "approved" | "denied") {
    const { user_code } = await controlBody(request, userCodeBody, dependencies);
    await guarded(request, () => devices.decide(principalOf(request).accountId, user_code, decision));
    const message = decision === "approved" ? "The machine is linked; it goes on by itself." : "The machine is not linked.";
    return { status: decision, message };
  }

  const decision = (url: string, summary: string, decided: "approved" | "denied"): Route => ({
    method: "POST",
    url,
    access: "session",
    doc: { tag: "Machines", summary, request: userCodeBody, answer: decidedAnswer, errors: [400, 404, 409, 410] },
    handle: (request) => decide(request, decided),
  });

  return [
    {
      method: "POST",
      url: "/v1/device/code",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "Ask for a machine to be linked to an account",
        request: codeBody,
        answer: codeAnswer,
        errors: [400],
      },
      async handle(request) {
        const body = await controlBody(request, codeBody, dependencies);
        await takeAll(attempts, [{ limit: CODES, who: byAddress(request.ip) }], TOO_MANY);
        const machine = {
          clientName: body.client_name,
          platform: body.platform,
          purpose: body.purpose,
          clientNonceHash: body.client_nonce_hash,
          network: truncatedAddress(request.ip),
        };
        const { deviceCode, userCode } = await asked(devices.begin(machine));
        // Never from the request's own headers: whoever asks could then send an owner anywhere.
        const base = settings.publicUrl ?? `http://127.0.0.1:${request.socket.localPort ?? settings.port}`;
        const page = `${base}${LINK_PAGE}`;
        return {
          device_code: deviceCode,
          user_code: userCode,
          verification_uri: page,
          verification_uri_complete: `${page}?user_code=${userCode}`,
          expires_in: DEVICE_LIMITS.expires_s,
          interval: DEVICE_LIMITS.interval_s,
        };
      },
    },
    {
      method: "POST",
      url: "/v1/device/token",
      access: "public",
      doc: {
        tag: "Machines",
        summary: "Whether the link was approved, and its token if so",
        description:
          "The token is handed out once; with a nonce, the same one again within a minute. Polls that come faster than the interval are refused and lengthen it.",
        request: pollBody,
        answer: pollAnswer,
        errors: [400, 403, 410],
      },
      async handle(request) {
        const { device_code, client_nonce } = await controlBody(request, pollBody, dependencies);
        const outcome = await asked(devices.poll(device_code, client_nonce));
        switch (outcome.status) {
          case "pending":
            return { status: "authorization_pending" };
          case "authorized":
            return {
              ...{ status: "authorized", token: outcome.token, account_id: outcome.accountId },
              expires_at: outcome.expiresAt?.toISOString() ?? null,
            };
          case "slow_down": {
            const message = `ask no more often than every ${outcome.interval_s} seconds`;
            throw new ApiError({ status: 400, code: "slow_down", message, retryAfter_s: outcome.interval_s });
          }
          case "denied":
            throw new ApiError({ status: 403, code: "access_denied", message: "the owner of the account has refused the link" });
          case "nobody":
            throw new ApiError({
              status: 403,
              code: "access_denied",
              message: "whoever approved does not sign in with this coordinator, so that nobody can be signed in",
            });
          case "expired":
            throw new ApiError({ status: 410, code: "expired_token", message: "this code has expired, or was used — ask for a new one" });
        }
      },
    },
    {
      method: "GET",
      url: "/v1/device/pending",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Which machine shows a code",
        parameters: [{ name: "user_code", in: "query", description: "As the machine shows it", required: true }],
        answer: pendingAnswer,
        errors: [404, 409, 410],
      },
      async handle(request) {
        const userCode = new URL(request.url, "http://umbel").searchParams.get("user_code") ?? "";
        let found: Awaited<ReturnType<typeof devices.pending>> = { state: "unknown" };
        await guarded(request, async () => {
          found = await devices.pending(userCode);
          return found.state;
        });
        const { machine, askedAt } = found;
        return {
          client_name: machine?.clientName ?? "",
          platform: machine?.platform ?? "",
          network: machine?.network ?? "",
          asked_at: askedAt?.toISOString() ?? "",
          purpose: machine?.purpose ?? "machine",
          scopes: [...(machine?.purpose === "person" ? PERSON_SCOPES : PROVIDER_SCOPES)],
        };
      },
    },
    decision("/v1/device/approve", "Link the machine that shows a code to the account", "approved"),
    decision("/v1/device/deny", "Refuse the machine that shows a code", "denied"),
    {
      method: "GET",
      url: "/v1/device/token",
      access: "owner",
      doc: {
        tag: "Machines",
        summary: "The calling provider token",
        description: "Until when it is good; ask for a new link before that.",
        answer: tokenObject,
        errors: [404],
      },
      async handle(request) {
        const record = await asked(accounts.providerTokenBySecret(bearerOf(request.headers.authorization) ?? ""));
        if (record !== undefined) return shown(record);
        throw new ApiError({ status: 404, code: "not_found", message: "this credential is no provider token" });
      },
    },
    {
      method: "DELETE",
      url: "/v1/device/token",
      access: "owner",
      doc: {
        tag: "Machines",
        summary: "Revoke the calling provider token",
        description: "Connections made with it end at once.",
        answer: revokedAnswer,
        errors: [404],
      },
      async handle(request) {
        const token = bearerOf(request.headers.authorization) ?? "";
        if (await asked(accounts.revokeProviderToken(token))) return { status: "revoked" };
        throw new ApiError({ status: 404, code: "not_found", message: "this credential is no provider token" });
      },
    },
    {
      method: "GET",
      url: "/v1/me/provider-tokens",
      access: "session",
      doc: { tag: "Machines", summary: "Provider tokens of the account, newest first", answer: tokenList },
      async handle(request) {
        const tokens = await asked(accounts.listProviderTokens(principalOf(request).accountId));
        return { object: "list", data: tokens.map(shown) };
      },
    },
    {
      method: "DELETE",
      url: "/v1/me/provider-tokens/:id",
      access: "session",
      doc: {
        tag: "Machines",
        summary: "Revoke a provider token",
        description: "Connections made with it end at once; their machines are told to be linked again.",
        answer: revokedAnswer,
        errors: [404],
      },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        if (await asked(accounts.revokeProviderTokenById(principalOf(request).accountId, id))) return { status: "revoked" };
        throw new ApiError({ status: 404, code: "not_found", message: "the account has no such provider token" });
      },
    },
  ];
}

function shown({ id, label, expiresAt, createdAt, lastUsedAt }: ProviderTokenRecord) {
  return {
    ...{ id, label },
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
    expires_at: expiresAt?.toISOString() ?? null,
  };
}

const NOT_OPEN: Readonly<Record<Exclude<CodeState, "pending">, { status: number; code: ApiErrorCode; message: string }>> = {
  unknown: { status: 404, code: "invalid_code", message: "no machine shows this code" },
  expired: { status: 410, code: "expired_code", message: "this code has expired — start again on the machine" },
  used: { status: 409, code: "already_used", message: "this code was decided on already" },
};

function notOpen(state: Exclude<CodeState, "pending">): ApiError {
  return new ApiError(NOT_OPEN[state]);
}
