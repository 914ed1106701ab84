import { duration, flag, oneOf, smtpUrl, text, wholeNumber } from "../forms.js";
import { oidcIssuers, signInProviders } from "../sign-in-forms.js";
import { HOUR_ms, setting } from "./setting.js";

/** Who may sign in, how, and for how long. */
export const peopleSettings = {
  registration: setting(oneOf(["auto", "open", "invite", "closed"]), {
    env: "UMBEL_REGISTRATION",
    default: "auto",
    about: "Who may make an account: anybody, invited addresses, nobody; `auto` is anybody on this machine alone, else invited addresses.",
  }),
  sessionTtl_ms: setting(duration({ least_ms: 60_000, most_ms: 365 * 24 * HOUR_ms }), {
    env: "UMBEL_SESSION_TTL",
    default: "720h",
    about: "How long somebody stays signed in without coming back.",
  }),
  providerTokenTtl_days: setting(wholeNumber({ least: 0, most: 3_650 }), {
    env: "UMBEL_PROVIDER_TOKEN_TTL_DAYS",
    default: "0",
    about: "Days for which a machine that is linked from now on stays so; then its owner approves a code anew. 0 is until it is revoked.",
  }),
  signInRate_perMinute: setting(wholeNumber({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_SIGN_IN_RATE_LIMIT_RPM",
    default: "5",
    about: "Attempts with a password, code or mailed link per minute, of one address and for one e-mail address; 0 is unlimited.",
  }),
  signInRate_perHour: setting(wholeNumber({ least: 0, most: 1_000_000 }), {
    env: "UMBEL_SIGN_IN_RATE_LIMIT_RPH",
    default: "20",
    about: "The same per hour.",
  }),
  smtpUrl: setting(smtpUrl, {
    env: "UMBEL_SMTP_URL",
    default: "",
    about: "Server that sends mail; without one, letters lie in `<home>/mail.jsonl`, and only of a coordinator on this machine alone.",
    secret: true,
  }),
  mailFrom: setting(text, { env: "UMBEL_MAIL_FROM", default: "Umbel <umbel@localhost>", about: "Sender of mail." }),
  signInProviders: setting(signInProviders, {
    env: "UMBEL_SIGN_IN_PROVIDERS",
    default: "",
    about: "Identity providers to sign in with, as JSON: `[{id, name, issuer, client_id, client_secret}]`.",
    secret: true,
  }),
  oidcIssuers: setting(oidcIssuers, {
    env: "UMBEL_OIDC_ISSUERS",
    default: "",
    about:
      "Issuers whose tokens are taken as sessions, as JSON: `[{issuer, audience, jwks_uri?, public_key?, admin_claim?, admin_values?}]`.",
  }),
  adminSecondFactor: setting(flag, {
    env: "UMBEL_ADMIN_SECOND_FACTOR",
    default: "false",
    about: "Whether people need a second factor to use the routes under `/v1/admin`.",
  }),
} as const;
