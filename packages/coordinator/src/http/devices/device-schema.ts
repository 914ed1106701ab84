import { z } from "zod";

const userCode = z.string().max(64).describe("As the machine shows it; case and dash do not matter.");

export const codeBody = z.strictObject({
  client_name: z.string().max(256).default("unnamed machine").describe("Shown to whoever approves."),
  platform: z.string().max(256).default("unknown").describe("Shown to whoever approves."),
  purpose: z
    .enum(["machine", "person"])
    .default("machine")
    .describe("`machine` asks for a provider token, `person` for a session of whoever approves, as a program on somebody's desk does."),
  client_nonce_hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe(
      "SHA-256, in hex, of a `client_nonce` that is sent with each poll: nobody else gets the token, and it can be asked for again for a minute.",
    ),
});

export const codeAnswer = z.object({
  device_code: z.string(),
  user_code: z.string(),
  verification_uri: z.string(),
  verification_uri_complete: z.string(),
  expires_in: z.int().describe("Seconds."),
  interval: z.int().describe("Seconds between two polls."),
});

/** `grant_type` and `client_id` are RFC 8628's and not needed. */
export const pollBody = z.object({
  device_code: z.string().max(256),
  client_nonce: z.string().max(256).optional().describe("Needed where the code was asked for with its digest."),
});

export const pollAnswer = z.union([
  z.object({ status: z.literal("authorization_pending") }),
  z.object({
    status: z.literal("authorized"),
    token: z.string().describe("Shown this once, or to its nonce for a minute."),
    account_id: z.string(),
    expires_at: z.iso.datetime().nullable().describe("Of a provider token; null is until it is revoked."),
  }),
]);

export const userCodeBody = z.strictObject({ user_code: userCode });

/** What a provider token is good for, for whoever is to approve one. */
export const PROVIDER_SCOPES: readonly { readonly id: string; readonly description: string }[] = [
  { id: "machines:serve", description: "Serve models in the name of your account, and earn for it." },
  { id: "machines:read", description: "See your account's machines, and whether they get work." },
];

/** The same of a program that signs in as its owner. */
export const PERSON_SCOPES: typeof PROVIDER_SCOPES = [
  { id: "account:all", description: "Do all that you can do here, money and API keys included, until you sign it out." },
];

export const pendingAnswer = z.object({
  purpose: z.enum(["machine", "person"]),
  client_name: z.string(),
  platform: z.string(),
  network: z.string().describe("That the machine asked from, truncated."),
  asked_at: z.iso.datetime(),
  scopes: z.array(z.object({ id: z.string(), description: z.string() })).describe("What its token would be good for."),
});

export const decidedAnswer = z.object({ status: z.enum(["approved", "denied"]), message: z.string() });

export const tokenObject = z.object({
  id: z.string(),
  label: z.string().describe("What the machine called itself."),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable().describe("Null is until it is revoked."),
});

export const tokenList = z.object({ object: z.literal("list"), data: z.array(tokenObject) });

export const revokedAnswer = z.object({ status: z.literal("revoked") });
