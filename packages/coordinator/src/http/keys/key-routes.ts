import { ApiError } from "@umbel/dialects";
import type { FastifyRequest } from "fastify";
import type { KeyRecord } from "../../accounts/index.js";
import { asked } from "../asked.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import type { Route } from "../route.js";
import {
  changeOf,
  issuedKey,
  keyChangeBody,
  keyList,
  legacyKey,
  newKeyBody,
  publicKey,
  publicKeyObject,
  revoked,
  secretBody,
} from "./key-schema.js";

/**
 * The keys of an account, for its owner who has signed in; and the calling key's own facts. A change is effective on the next request.
 * Sources: api.md §21, money.md §3.
 */
export function keyRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { accounts, ledger } = dependencies;

  const shown = async (key: KeyRecord) => publicKey(key, (await ledger.keySpend(key.id)).spent_microUsd);
  const found = <Found>(key: Found | undefined): Found => {
    if (key === undefined) throw new ApiError({ status: 404, code: "not_found", message: "key not found" });
    return key;
  };
  const ownerOf = (request: FastifyRequest) => principalOf(request).accountId;

  return [
    {
      method: "GET",
      url: "/v1/key",
      access: "account",
      doc: { tag: "Keys", summary: "The calling key", answer: publicKeyObject, errors: [404] },
      async handle(request) {
        const { key } = principalOf(request);
        if (key === undefined) throw new ApiError({ status: 404, code: "not_found", message: "this credential is no API key" });
        return shown(key);
      },
    },
    {
      method: "GET",
      url: "/v1/keys",
      access: "session",
      doc: { tag: "Keys", summary: "Keys of the account, newest first", answer: keyList },
      async handle(request) {
        const keys = await asked(accounts.listKeys(ownerOf(request)));
        return { object: "list", data: await Promise.all(keys.map(shown)) };
      },
    },
    {
      method: "POST",
      url: "/v1/keys",
      access: "session",
      doc: { tag: "Keys", summary: "Make a key", request: newKeyBody, answer: issuedKey, errors: [400] },
      async handle(request) {
        const body = await controlBody(request, newKeyBody, dependencies);
        const { secret, record } = await asked(accounts.createKey({ ...changeOf(body), accountId: ownerOf(request) }));
        return { key: secret, data: await shown(record) };
      },
    },
    {
      method: "GET",
      url: "/v1/keys/:id",
      access: "session",
      doc: { tag: "Keys", summary: "One key", answer: publicKeyObject, errors: [404] },
      handle: async (request) => shown(found(await asked(accounts.getKey(ownerOf(request), idOf(request))))),
    },
    {
      method: "PATCH",
      url: "/v1/keys/:id",
      access: "session",
      doc: {
        tag: "Keys",
        summary: "Change a key",
        description: "A field that is absent stays as it is; null takes a limit, a list or an end away.",

        request: keyChangeBody,
        answer: publicKeyObject,
        errors: [400, 404],
      },
      async handle(request) {
        const body = await controlBody(request, keyChangeBody, dependencies);
        return shown(found(await asked(accounts.updateKey(ownerOf(request), idOf(request), changeOf(body)))));
      },
    },
    {
      method: "POST",
      url: "/v1/keys/:id/rotate",
      access: "session",
      doc: {
        tag: "Keys",
        summary: "Give a key a new secret",
        description: "The id, the limits and what was spent stay; the old secret is dead at once.",

        answer: issuedKey,
        errors: [404],
      },
      async handle(request) {
        const { secret, record } = found(await asked(accounts.rotateKey(ownerOf(request), idOf(request))));
        return { key: secret, data: await shown(record) };
      },
    },
    {
      method: "DELETE",
      url: "/v1/keys/:id",
      access: "session",
      doc: { tag: "Keys", summary: "Revoke a key, for good", answer: revoked, errors: [404] },
      async handle(request) {
        found((await asked(accounts.revokeKey(ownerOf(request), idOf(request)))) || undefined);
        return { status: "revoked" };
      },
    },
    {
      method: "POST",
      url: "/v1/auth/keys",
      access: "session",
      doc: { tag: "Keys", summary: "Make a key without limits", description: "For older clients; use POST /v1/keys.", answer: legacyKey },
      async handle(request) {
        const accountId = ownerOf(request);
        const { secret } = await asked(accounts.createKey({ accountId }));
        return { api_key: secret, account_id: accountId };
      },
    },
    {
      method: "DELETE",
      url: "/v1/auth/keys",
      access: "session",
      doc: {
        tag: "Keys",
        summary: "Revoke a key by its secret",
        description: "For older clients; use DELETE /v1/keys/{id}.",
        request: secretBody,
        answer: revoked,
        errors: [400, 403, 404],
      },
      async handle(request) {
        const { key: secret } = await controlBody(request, secretBody, dependencies);
        const key = found(await asked(accounts.keyBySecret(secret)));
        if (key.accountId !== ownerOf(request)) {
          throw new ApiError({ status: 403, code: "forbidden", message: "this key belongs to another account" });
        }
        found((await asked(accounts.revokeKey(key.accountId, key.id))) || undefined);
        return { status: "revoked" };
      },
    },
  ];
}

function idOf(request: FastifyRequest): string {
  const { params } = request;
  return typeof params === "object" && params !== null && "id" in params ? String(params.id) : "";
}
