import { ApiError } from "@umbel/dialects";
import { z } from "zod";
import { PUBLISHING_LIMITS, PUBLISHING_SCOPES, type PublishingKeyRecord } from "../../accounts/index.js";
import { asked } from "../asked.js";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { actorOf } from "./publishing-gate.js";

const scopes = z.array(z.enum(PUBLISHING_SCOPES)).min(1).max(PUBLISHING_SCOPES.length);
const newKeyBody = z.strictObject({
  name: z.string().describe("What it is for; the audit shows it."),
  scopes: scopes.describe("What it may change."),
  expires_at: z.iso.datetime({ offset: true }).nullable().default(null),
});
const keyRow = z.object({
  id: z.string(),
  name: z.string(),
  label: z.string().describe("First and last characters of the secret."),
  scopes,
  created_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
});
export const issuedPublishingKey = z.object({ key: z.string().describe("Shown this once."), data: keyRow });
export const publishingKeyTable = z.object({ object: z.literal("list"), data: z.array(keyRow) });
export const revokedPublishingKey = z.object({ status: z.literal("revoked"), id: z.string() });

/** Keys of pipelines that publish models, for the operator. Source: catalog.md §6.1. */
export function publishingKeyRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { publishingKeys } = dependencies;
  return [
    {
      method: "POST",
      url: "/v1/admin/publishing-keys",
      access: "admin",
      doc: {
        tag: "Catalogue",
        summary: "Make a key that may change the catalogue and nothing else",
        description: `At most ${PUBLISHING_LIMITS.keys_max} stand at once.`,
        request: newKeyBody,
        answer: issuedPublishingKey,
        errors: [400, 408, 413, 415],
      },
      async handle(request) {
        const { name, scopes: asks, expires_at } = await controlBody(request, newKeyBody, dependencies);
        const key = { name, scopes: asks, expiresAt: expires_at === null ? null : new Date(expires_at) };
        const { secret, record } = await asked(publishingKeys.create(key, actorOf(request)));
        return { key: secret, data: rowOf(record) };
      },
    },
    {
      method: "GET",
      url: "/v1/admin/publishing-keys",
      access: "admin",
      doc: { tag: "Catalogue", summary: "Publishing keys, newest first, revoked ones too", answer: publishingKeyTable },
      handle: async () => ({ object: "list", data: (await asked(publishingKeys.list())).map(rowOf) }),
    },
    {
      method: "DELETE",
      url: "/v1/admin/publishing-keys/:id",
      access: "admin",
      doc: { tag: "Catalogue", summary: "Revoke a publishing key, for good", answer: revokedPublishingKey, errors: [404] },
      async handle(request) {
        const { id } = request.params as { readonly id: string };
        if (await asked(publishingKeys.revoke(id, actorOf(request)))) return { status: "revoked", id };
        throw new ApiError({ status: 404, code: "not_found", message: "there is no such publishing key" });
      },
    },
  ];
}

function rowOf(key: PublishingKeyRecord): z.infer<typeof keyRow> {
  const { id, name, label, scopes: has, createdBy, createdAt, expiresAt, lastUsedAt, revokedAt } = key;
  return {
    ...{ id, name, label, scopes: [...has], created_by: createdBy },
    created_at: createdAt.toISOString(),
    expires_at: expiresAt?.toISOString() ?? null,
    last_used_at: lastUsedAt?.toISOString() ?? null,
    revoked_at: revokedAt?.toISOString() ?? null,
  };
}
