import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { Provider } from "oidc-provider";

export const CLIENT = { client_id: "umbel", client_secret: "a-client-secret-that-is-long-enough" };

/** Whom the issuer takes the next visitor for. */
export interface IssuedPerson {
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name?: string;
}

/** What a false id_token is signed with. */
interface Forging {
  readonly genuine: (claims: JWTPayload) => Promise<string>;
  readonly anotherKey: (claims: JWTPayload) => Promise<string>;
  readonly clientSecret: (claims: JWTPayload) => Promise<string>;
  readonly nothing: (claims: JWTPayload) => Promise<string>;
}

/** Makes another id_token of the one that the issuer would have answered. */
export type Forgery = (claims: JWTPayload, sign: Forging) => Promise<string>;

export interface TestIdentityProvider {
  readonly issuer: string;
  person: IssuedPerson;
  forgery: Forgery | undefined;
  /** Where the issuer may send people back to; it answers nobody before that is said, once. */
  allow(redirectUri: string): void;
  /** Goes on from the address that a sign-in page was sent to, as a browser does, until it leads away from the issuer. @returns where to */
  visit(authorizeUrl: string): Promise<string>;
  close(): Promise<void>;
}

/** A certified implementation of an OpenID Connect issuer, in this process: discovery, PKCE, keys, signed tokens and all, without a page to sign in at. */
export async function startIdentityProvider(): Promise<TestIdentityProvider> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const { privateKey: otherKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(privateKey)), kid: "test", alg: "RS256", use: "sig" };
  const signed = (key: CryptoKey) => (claims: JWTPayload) =>
    new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "test" }).sign(key);
  const unsigned = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const forging: Forging = {
    genuine: signed(privateKey),
    anotherKey: signed(otherKey),
    clientSecret: (claims) => new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(CLIENT.client_secret)),
    nothing: async (claims) => `${unsigned({ alg: "none" })}.${unsigned(claims)}.`,
  };

  let handle: ReturnType<Provider["callback"]> | undefined;
  const server = createServer((request, response) => void handle?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // It listens on a port.
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const provider: TestIdentityProvider = {
    issuer,
    person: { sub: "nobody", email: "nobody@example.org", email_verified: true },
    forgery: undefined,

    allow(redirectUri) {
      if (handle !== undefined) return;
      const oidc = new Provider(issuer, {
        clients: [{ ...CLIENT, redirect_uris: [redirectUri], response_types: ["code"], grant_types: ["authorization_code"] }],
        jwks: { keys: [jwk] },
        claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
        cookies: { keys: ["a key of cookies"] },
        ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
        pkce: { required: () => true },
        features: { devInteractions: { enabled: false } },
        interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
        findAccount: (_context, sub) => ({ accountId: sub, claims: () => ({ ...provider.person, sub }) }),
        // Whoever comes agrees.
        async loadExistingGrant({ oidc: { client, session, provider: here } }) {
          const grant = new here.Grant({ clientId: client?.clientId ?? "", accountId: session?.accountId ?? "" });
          grant.addOIDCScope("openid email profile");
          await grant.save();
          return grant;
        },
      });
      oidc.use(async (context, next) => {
        if (context.path.startsWith("/interaction/")) {
          const login = { accountId: provider.person.sub, remember: false };
          context.redirect(await oidc.interactionResult(context.req, context.res, { login }, { mergeWithLastSubmission: false }));
          return;
        }
        await next();
        const { forgery } = provider;
        if (context.path !== "/token" || forgery === undefined || !context.body?.id_token) return;
        context.body = { ...context.body, id_token: await forgery(decodeJwt(context.body.id_token), forging) };
      });
      handle = oidc.callback();
    },

    async visit(authorizeUrl) {
      const cookies = new Map<string, string>();
      for (let url = authorizeUrl; ; ) {
        if (!url.startsWith(`${issuer}/`)) return url;
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const response = await fetch(url, { redirect: "manual", headers: { cookie } });
        for (const set of response.headers.getSetCookie()) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
          cookies.set(name, value);
        }
        const location = response.headers.get("location");
        if (location === null) throw new Error(`the issuer answered ${response.status}: ${await response.text()}`);
        url = new URL(location, url).href;
      }
    },

    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return provider;
}
