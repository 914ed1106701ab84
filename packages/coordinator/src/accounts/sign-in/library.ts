import { randomUUID } from "node:crypto";
import { drizzleAdapter } from "better-auth/adapters/drizzle";
import { APIError } from "better-auth/api";
import { type BetterAuthOptions, betterAuth } from "better-auth/minimal";
import { bearer } from "better-auth/plugins/bearer";
import { emailOTP } from "better-auth/plugins/email-otp";
import { genericOAuth } from "better-auth/plugins/generic-oauth";
import { twoFactor } from "better-auth/plugins/two-factor";
import type { BetterAuthPlugin } from "better-auth/types";
import { authTables, invitationRepository, personRepository } from "../../store/index.js";
import { newSessionSecret } from "../secrets.js";
import { NETWORK_HEADER, type SignInDependencies } from "./create-sign-in.js";
import { hashingSessionTokens } from "./hashed-sessions.js";
import { letters } from "./letters.js";
import { SIGN_IN_LIMITS, type SignInProvider } from "./types.js";

/** People see it in authenticators. */
const PRODUCT = "Umbel";
/** Ways in that a second factor stands behind, or that are two factors themselves. Everything else needs one. */
const WITH_SECOND_FACTOR = /^\/(?:sign-in\/email$|two-factor\/|passkey\/|callback\/|sign-in\/social$|change-password$|update-user$)/;

interface LibraryOptions extends SignInDependencies {
  readonly origin: string;
  readonly withPasskeys: boolean;
  readonly withProviders: boolean;
  readonly onError: (error: unknown) => void;
}

/** The sign-in library, set up for one address of this coordinator. Its limits on attempts are off, because ours stand before it. */
export async function createLibrary(options: LibraryOptions) {
  const { store, clock, secret, mailer, settings, origin, withPasskeys, withProviders, onError } = options;

  async function mayJoin(email: string): Promise<boolean> {
    if (settings.registration === "open") return true;
    return settings.registration === "invite" && invitationRepository.isOpen(store.db, email, clock.date());
  }

  const plugins: BetterAuthPlugin[] = [
    bearer(),
    twoFactor({ issuer: PRODUCT }),
    emailOTP({
      otpLength: 6,
      expiresIn: SIGN_IN_LIMITS.code_s,
      allowedAttempts: SIGN_IN_LIMITS.codeTries_max,
      storeOTP: "hashed",
      disableSignUp: settings.registration === "closed",
      async sendVerificationOTP({ email, otp, type }) {
        if (type === "sign-in") mailer?.send(letters.code(email, otp));
        if (type === "change-email") mailer?.send(letters.newAddress(email, otp));
      },
      changeEmail: { enabled: true },
    }),
    genericOAuth({ config: withProviders ? settings.providers.map(providerConfig) : [] }),
  ];
  if (withPasskeys) {
    const { passkey } = await import("@better-auth/passkey");
    plugins.push(passkey({ rpID: new URL(origin).hostname, rpName: PRODUCT, origin }));
  }

  const libraryOptions: BetterAuthOptions = {
    appName: PRODUCT,
    baseURL: origin,
    basePath: "/api/auth",
    secret,
    trustedOrigins: [origin],
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    onAPIError: { onError, errorURL: `${origin}/sign-in` },
    database: hashingSessionTokens(drizzleAdapter(store.db, { provider: "pg", schema: authTables, transaction: true })),
    advanced: {
      cookiePrefix: COOKIE_PREFIX,
      useSecureCookies: origin.startsWith("https:"),
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax" },
      database: { generateId: () => randomUUID() },
      // Limits on attempts are ours; nothing of the caller's address is kept but what we say.
      ipAddress: { disableIpTracking: true },
    },
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: true,
      minPasswordLength: SIGN_IN_LIMITS.password_characters_min,
      maxPasswordLength: SIGN_IN_LIMITS.password_characters_max,
      revokeSessionsOnPasswordReset: true,
      resetPasswordTokenExpiresIn: SIGN_IN_LIMITS.link_s,
      async sendResetPassword({ user, token }) {
        mailer?.send(letters.reset(user.email, `${origin}/reset-password?token=${encodeURIComponent(token)}`));
      },
      async onExistingUserSignUp({ user }) {
        mailer?.send(letters.existing(user.email, `${origin}/sign-in`));
      },
    },
    emailVerification: {
      sendOnSignUp: true,
      expiresIn: SIGN_IN_LIMITS.link_s,
      async sendVerificationEmail({ user, token }) {
        const link = new URL("/api/auth/verify-email", origin);
        link.search = String(new URLSearchParams({ token, callbackURL: "/sign-in?verified=1" }));
        mailer?.send(letters.verify(user.email, link.href));
      },
    },
    session: {
      expiresIn: Math.round(settings.session_ms / 1_000),
      updateAge: SIGN_IN_LIMITS.extend_s,
      freshAge: SIGN_IN_LIMITS.fresh_s,
    },
    // An address joins nobody to anybody: whoever wants a second way in adds it while signed in.
    account: { accountLinking: { enabled: true, disableImplicitLinking: true } },
    verification: { storeIdentifier: "hashed" },
    databaseHooks: {
      user: {
        create: {
          async before(user) {
            if (!(await mayJoin(user.email.toLowerCase())))
              throw new APIError("FORBIDDEN", { code: "REGISTRATION_CLOSED", message: NOT_OPEN });
          },
        },
      },
      session: {
        create: {
          async before(session, context) {
            const path = context?.path ?? "";
            if (!WITH_SECOND_FACTOR.test(path)) {
              const standing = await personRepository.standing(store.db, session.userId);
              if (standing?.secondFactor === true)
                throw new APIError("FORBIDDEN", { code: "SECOND_FACTOR_REQUIRED", message: SECOND_FACTOR });
            }
            const network = context?.headers?.get(NETWORK_HEADER) ?? null;
            return { data: { token: newSessionSecret().secret, ipAddress: network } };
          },
        },
      },
    },
    plugins,
  };
  return betterAuth(libraryOptions);
}

/** Names of cookies begin with it. */
const COOKIE_PREFIX = "umbel";
const NOT_OPEN = "this address may not make an account here — ask whoever runs this coordinator for an invitation";
const SECOND_FACTOR = "this account has a second factor — sign in with its password or a passkey";

function providerConfig({ id, name, issuer, clientId, clientSecret }: SignInProvider) {
  return {
    providerId: id,
    name,
    discoveryUrl: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`,
    clientId,
    clientSecret,
    scopes: ["openid", "email", "profile"],
    pkce: true,
    requireIdTokenVerification: true,
  };
}
