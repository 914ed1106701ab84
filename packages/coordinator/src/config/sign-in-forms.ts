import { createPublicKey } from "node:crypto";
import { z } from "zod";
import { type Form, isLoopback } from "./forms.js";

/** https, or http on this machine: what goes there decides who somebody is. */
const identityAddress = z.url().refine((written) => {
  const { protocol, hostname: host, username, search, hash } = new URL(written);
  const isPlain = username === "" && search === "" && hash === "";
  return isPlain && (protocol === "https:" || (protocol === "http:" && isLoopback(host)));
});

const signInProviderList = z
  .array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9-]{1,40}$/),
      name: z.string().min(1).max(80),
      issuer: identityAddress,
      client_id: z.string().min(1).max(512),
      client_secret: z.string().min(1).max(4_096),
    }),
  )
  .max(20)
  .refine((providers) => new Set(providers.map(({ id }) => id)).size === providers.length);

export const signInProviders: Form<z.output<typeof signInProviderList>> = {
  schema: json(signInProviderList),
  expected: 'JSON such as [{"id":"work","name":"Work","issuer":"https://…","client_id":"…","client_secret":"…"}], or empty',
};

const oidcIssuerList = z
  .array(
    z
      .strictObject({
        issuer: identityAddress,
        audience: z.string().min(1).max(512),
        jwks_uri: identityAddress.optional(),
        public_key: z.string().refine(isPublicKey).optional(),
        admin_claim: z.string().min(1).max(200).optional(),
        admin_values: z.array(z.string().min(1).max(200)).max(100).optional(),
      })
      .refine(({ jwks_uri, public_key }) => jwks_uri === undefined || public_key === undefined)
      .refine(({ admin_claim, admin_values }) => (admin_claim === undefined) === (admin_values === undefined)),
  )
  .max(20)
  .refine((issuers) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length);

export const oidcIssuers: Form<z.output<typeof oidcIssuerList>> = {
  schema: json(oidcIssuerList),
  expected:
    'JSON such as [{"issuer":"https://…","audience":"…"}], with jwks_uri or public_key (PEM), admin_claim and admin_values if wanted',
};

function isPublicKey(pem: string): boolean {
  try {
    return createPublicKey(pem).type === "public";
  } catch {
    return false;
  }
}

/** Text that is JSON of this schema; empty is an empty list. */
function json<Output>(schema: z.ZodType<Output>): z.ZodType<Output, string> {
  return z
    .string()
    .max(64 * 1024)
    .transform((written, context): unknown => {
      try {
        return JSON.parse(written === "" ? "[]" : written);
      } catch {
        context.addIssue({ code: "custom", message: "no JSON" });
        return z.NEVER;
      }
    })
    .pipe(schema);
}
