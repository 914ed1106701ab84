import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "@umbel/protocol";
import {
  createExternalIssuers,
  createMailer,
  createPeople,
  createPeopleMail,
  createPersonSessions,
  createSignIn,
  type Registration,
  smtpDelivery,
} from "../accounts/index.js";
import type { Settings } from "../config/index.js";
import { isLocalOnly } from "../http/index.js";
import type { Logger } from "../insight/index.js";
import type { Store } from "../store/index.js";
import { fileDelivery } from "./mail-file.js";
import { keptFile, secretFile } from "./secrets/secret-file.js";

/** Relative to the home: what makes the first account, until it is made. */
const SETUP_TOKEN_FILE = "setup-token";
/** Relative to the home: letters, where there is no mail server. */
const MAIL_FILE = "mail.jsonl";
const TOKEN_BYTES = 24;
const SECRET_BYTES = 32;

interface SignInPartsDependencies {
  readonly store: Store;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly log: Logger;
}

/** How people sign in, from the settings: sessions, mail, identity providers, and the first account of all. */
export async function createSignInParts({ store, clock, settings, log }: SignInPartsDependencies) {
  const { home, smtpUrl, mailFrom, sessionTtl_ms: session_ms } = settings;
  const providers = settings.signInProviders.map(({ id, name, issuer, client_id, client_secret }) => ({
    ...{ id, name, issuer },
    clientId: client_id,
    clientSecret: client_secret,
  }));
  const issuers = settings.oidcIssuers.map(({ issuer, audience, jwks_uri, public_key, admin_claim, admin_values }) => ({
    ...{ issuer, audience },
    ...(jwks_uri === undefined ? {} : { jwksUri: jwks_uri }),
    ...(public_key === undefined ? {} : { publicKey: public_key }),
    ...(admin_claim === undefined ? {} : { adminClaim: admin_claim }),
    ...(admin_values === undefined ? {} : { adminValues: admin_values }),
  }));
  const isLocal = isLocalOnly(settings);
  const registration: Registration = settings.registration === "auto" ? (isLocal ? "open" : "invite") : settings.registration;
  const mailFile = path.join(home, MAIL_FILE);
  const deliver =
    smtpUrl !== undefined
      ? smtpDelivery(smtpUrl, mailFrom)
      : isLocal
        ? fileDelivery(mailFile, () => log.info({ event: "mail", file: MAIL_FILE }, "a letter lies in the home"))
        : undefined;
  const mailer =
    deliver &&
    createMailer({
      deliver,
      onEvent: (event) =>
        log.warn({ event: `mail_${event.type}`, ...(event.type === "failed" ? { err: event.error } : {}) }, "a letter was not sent"),
    });
  const secret = Buffer.from(await secretFile(path.join(home, "sign-in-secret"), SECRET_BYTES)).toString("base64url");
  const signIn = createSignIn({ store, clock, secret, mailer, settings: { registration, session_ms, providers } });

  const setupFile = path.join(home, SETUP_TOKEN_FILE);
  const forgetSetup = () => rm(setupFile, { force: true });
  const people = createPeople({ store, clock, signIn, onSetUp: forgetSetup, setupToken: () => setupToken(setupFile) });
  // Readable for whoever may read the home, before anybody asks for it.
  if (await people.isEmpty()) await setupToken(setupFile);
  else await forgetSetup();
  return {
    signIn,
    people,
    personSessions: createPersonSessions({ store, clock, session_ms }),
    issuers: createExternalIssuers({ store, clock, issuers }),
    facts: { registration, canMail: mailer !== undefined, providers },
    mail: createPeopleMail(mailer),
    close: async () => mailer?.close(),
  };
}

async function setupToken(file: string): Promise<string> {
  const bytes = await keptFile(file, async () => Buffer.from(`${randomBytes(TOKEN_BYTES).toString("base64url")}\n`));
  return Buffer.from(bytes).toString("utf8").trim();
}
