import { createHmac } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSettings } from "../../config/index.js";
import { startCoordinator } from "../../main.js";
import { openStore, type Store } from "../../store/index.js";
import { MODEL, startTestCoordinator, type TestCoordinator } from "../../testing.js";
import { letterTo, linkOf, type TestBrowser, testBrowser } from "./testing/browser.js";
import { CLIENT, type Forgery, startIdentityProvider, type TestIdentityProvider } from "./testing/identity-provider.js";

const PASSWORD = "correct horse battery";
const ADMIN_KEY = "an-admin-key-that-is-long-enough";

describe("people", () => {
  let test: TestCoordinator;
  let identityProvider: TestIdentityProvider;
  let store: Store;
  beforeAll(async () => {
    // Silent until somebody goes there: nobody else has to wait for it.
    identityProvider = await startIdentityProvider();
    const work = { id: "work", name: "Work", issuer: identityProvider.issuer, ...CLIENT };
    test = await startTestCoordinator({
      adminKey: ADMIN_KEY,
      signInProviders: JSON.stringify([work]),
      signInRate_perMinute: "0",
      signInRate_perHour: "0",
      financialRate_perSecond: "0",
    });
    store = await openStore({ databaseUrl: test.databaseUrl, connections_max: 1 });
  });
  afterAll(async () => {
    await store.close();
    await test.close();
    await identityProvider.close();
  });

  const signUp = (browser: TestBrowser, email: string, password = PASSWORD) =>
    browser.call("POST", "/api/auth/sign-up/email", { name: "Ada", email, password });
  const signIn = (browser: TestBrowser, email: string, password = PASSWORD) =>
    browser.call("POST", "/api/auth/sign-in/email", { email, password });

  const sql = (statement: string) => store.client.unsafe(statement);

  async function person(email: string): Promise<TestBrowser> {
    const browser = testBrowser(test.url);
    await signUp(browser, email);
    await browser.call("GET", linkOf(await letterTo(test.home, email)));
    expect((await signIn(browser, email)).status).toBe(200);
    return browser;
  }

  it("the first is an operator, by the token that lies in the home, and nobody after that", async () => {
    const file = path.join(test.home, "setup-token");
    const token = readFileSync(file, "utf8").trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const browser = testBrowser(test.url);
    expect((await browser.call("GET", "/v1/config/public")).body).toMatchObject({ setup_needed: true, registration: "open" });
    const first = { token, name: "Root", email: "root@example.org", password: PASSWORD };
    expect(await browser.call("POST", "/v1/setup", { ...first, token: "guessed" })).toMatchObject({ status: 401 });
    expect(await browser.call("POST", "/v1/setup", { ...first, password: "short" })).toMatchObject({
      status: 400,
      body: { error: { param: "password" } },
    });
    const both = await Promise.all([1, 2].map((n) => browser.call("POST", "/v1/setup", { ...first, email: `root${n}@example.org` })));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 404]);
    expect(() => statSync(file)).toThrow("ENOENT");

    const email = both[0]?.status === 200 ? "root1@example.org" : "root2@example.org";
    await signIn(browser, email);
    expect((await browser.call("GET", "/v1/me")).body).toMatchObject({ email, operator: true, signs_in_here: true });
    expect((await browser.call("GET", "/v1/admin/settings")).status).toBe(200);
    expect((await browser.call("GET", "/v1/config/public")).body).toMatchObject({ setup_needed: false });
  });

  it("sign up, prove their address, sign in, and out", async () => {
    const browser = testBrowser(test.url);
    expect(await signUp(browser, "Ada@Example.org")).toMatchObject({ status: 200, body: { status: "mailed" } });
    expect(await signIn(browser, "ada@example.org")).toMatchObject({ status: 403, body: { error: { code: "email_not_verified" } } });
    const verified = await browser.call("GET", linkOf(await letterTo(test.home, "ada@example.org")));
    expect(verified.status).toBe(302);
    expect(verified.headers.get("location")).toBe("/sign-in?verified=1");

    const signedIn = await signIn(browser, "ADA@example.org");
    expect(signedIn.status).toBe(200);
    expect(signedIn.body["token"]).toBeUndefined();
    expect(signedIn.headers.get("set-auth-token")).toBeNull();
    expect(signedIn.headers.getSetCookie()[0]).toMatch(
      /^umbel\.session_token=umbel-st-.*; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    );

    const { body: me } = await browser.call("GET", "/v1/me");
    expect(me).toMatchObject({ email: "ada@example.org", display_name: "Ada", operator: false, session: { how: "cookie" } });
    expect(me["account_id"]).toMatch(/^[0-9a-f]{8}-[0-9a-f-]{27}$/);
    expect((await browser.call("GET", "/v1/admin/settings")).status).toBe(403);

    const { body: list } = await browser.call("GET", "/v1/me/sessions");
    expect(list["data"]).toMatchObject([{ current: true, network: "127.0.0.0/24" }]);
    expect(await browser.call("POST", "/api/auth/sign-out", {})).toMatchObject({ status: 200 });
    expect((await browser.call("GET", "/v1/me")).status).toBe(401);
  });

  it("answer the same to whoever signs up with an address that is taken, and its owner hears of it", async () => {
    await person("taken@example.org");
    const browser = testBrowser(test.url);
    expect(await signUp(browser, "taken@example.org", "another password")).toMatchObject({ status: 200, body: { status: "mailed" } });
    expect((await letterTo(test.home, "taken@example.org", 2)).subject).toContain("already");
    const unknown = await signIn(browser, "nobody@example.org");
    const wrong = await signIn(browser, "taken@example.org", "another password");
    expect(unknown.status).toBe(401);
    expect({ ...unknown.body, error: null }).toEqual({ ...wrong.body, error: null });
  });

  it("get one account each, however often they sign up at once", async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => signUp(testBrowser(test.url), "race@example.org")));
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ({ status: "mailed" })));
  });

  it("change things with their cookie from the coordinator's own pages only", async () => {
    const browser = await person("pages@example.org");
    const make = (headers: Record<string, string | undefined>) => browser.call("POST", "/v1/keys", { name: "one" }, headers);
    expect((await make({})).status).toBe(200);
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: undefined },
      { origin: "null" },
      { "content-type": "text/plain" },
    ]) {
      expect(await make(headers), JSON.stringify(headers)).toMatchObject({ status: 403, body: { error: { code: "forbidden" } } });
    }
    const foreign = { origin: "https://evil.example" };
    const elsewhere = await browser.call("POST", "/api/auth/sign-in/email", { email: "pages@example.org", password: PASSWORD }, foreign);
    expect(elsewhere.status).toBe(403);
    expect((await browser.call("GET", "/v1/keys", undefined, foreign)).headers.get("access-control-allow-origin")).toBeNull();
  });

  it("who are operators sign in without a browser, by a mailed code, and nobody else does there", async () => {
    const call = (step: string, body: object) => testBrowser(test.url).call("POST", `/v1/admin/auth/${step}`, body, { origin: undefined });
    const codeOf = async (email: string, nth: number) => /\d{6}/.exec((await letterTo(test.home, email, nth)).text)?.[0] ?? "";
    const [operator] = await sql("select email from users where operator");
    const email = String(operator?.["email"]);
    expect(await call("init", { email })).toMatchObject({ status: 200, body: { status: "otp_sent", email } });
    expect((await call("init", { email: "nobody@example.net" })).body).toEqual({ status: "otp_sent", email: "nobody@example.net" });
    const code = await codeOf(email, 1);
    const wrong = await call("verify", { email, code: code === "000000" ? "111111" : "000000" });
    expect(wrong).toMatchObject({ status: 401, body: { error: { code: "auth_error" } } });
    const { status, body } = await call("verify", { email, code });
    expect({ status, body }).toMatchObject({ status: 200, body: { email, token: expect.stringMatching(/^umbel-st-/) } });
    const asOperator = (token: unknown) =>
      testBrowser(test.url).call("GET", "/v1/admin/users", undefined, { authorization: `Bearer ${String(token)}` });
    expect((await asOperator(body["token"])).status).toBe(200);
    expect((await call("verify", { email, code })).status).toBe(401);

    await person("ordinary@example.org");
    await call("init", { email: "ordinary@example.org" });
    const refused = await call("verify", { email: "ordinary@example.org", code: await codeOf("ordinary@example.org", 2) });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: "forbidden" } } });
    expect(
      await sql("select 1 from auth_sessions s join auth_users u on u.id = s.user_id where u.email = 'ordinary@example.org'"),
    ).toHaveLength(1);
  });

  it("set a new password by a link, which ends their sessions, and works once", async () => {
    const browser = await person("forgetful@example.org");
    const ask = (email: string) => testBrowser(test.url).call("POST", "/api/auth/request-password-reset", { email });
    expect((await ask("nobody@example.org")).body).toEqual((await ask("forgetful@example.org")).body);
    const token = new URL(linkOf(await letterTo(test.home, "forgetful@example.org", 2))).searchParams.get("token");
    const set = () => testBrowser(test.url).call("POST", "/api/auth/reset-password", { token, newPassword: "a new password" });
    expect((await set()).status).toBe(200);
    expect((await set()).status).toBe(400);
    expect((await browser.call("GET", "/v1/me")).status).toBe(401);
    expect((await signIn(browser, "forgetful@example.org")).status).toBe(401);
    expect((await signIn(browser, "forgetful@example.org", "a new password")).status).toBe(200);
  });

  it("sign in with a mailed code, which makes their account, and is worth nothing after five wrong ones", async () => {
    const browser = testBrowser(test.url);
    const email = "coded@example.org";
    const send = () => browser.call("POST", "/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" });
    const code = async (nth: number) => /\d{6}/.exec((await letterTo(test.home, email, nth)).text)?.[0] ?? "";
    const enter = (otp: string) => browser.call("POST", "/api/auth/sign-in/email-otp", { email, otp });
    await send();
    const wrong = (await code(1)) === "000000" ? "111111" : "000000";
    for (let tries = 0; tries < 5; tries++) expect((await enter(wrong)).status).toBe(400);
    expect((await enter(await code(1))).status).not.toBe(200);
    await send();
    expect((await enter(await code(2))).status).toBe(200);
    expect((await browser.call("GET", "/v1/me")).body).toMatchObject({ email, signs_in_here: true });
  });

  it("have a second factor before every way in that has none itself", async () => {
    const email = "careful@example.org";
    const browser = await person(email);
    const { body: enrolment } = await browser.call("POST", "/api/auth/two-factor/enable", { password: PASSWORD });
    const secret = new URL(String(enrolment["totpURI"])).searchParams.get("secret") ?? "";
    const [backup = ""] = enrolment["backupCodes"] as readonly string[];
    expect((await browser.call("POST", "/api/auth/two-factor/verify-totp", { code: totp(secret) })).status).toBe(200);

    const other = testBrowser(test.url);
    expect((await signIn(other, email)).body).toMatchObject({ twoFactorRedirect: true });
    expect((await other.call("GET", "/v1/me")).status).toBe(401);
    expect((await other.call("POST", "/api/auth/two-factor/verify-totp", { code: "000000" })).status).toBe(401);
    expect((await other.call("POST", "/api/auth/two-factor/verify-totp", { code: totp(secret) })).status).toBe(200);
    expect((await other.call("GET", "/v1/me")).body).toMatchObject({ second_factor: true });

    const third = testBrowser(test.url);
    await third.call("POST", "/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" });
    const otp = /\d{6}/.exec((await letterTo(test.home, email, 2)).text)?.[0];
    const coded = await third.call("POST", "/api/auth/sign-in/email-otp", { email, otp });
    expect(coded).toMatchObject({ status: 403, body: { error: { code: "second_factor_required" } } });
    await signIn(third, email);
    expect((await third.call("POST", "/api/auth/two-factor/verify-backup-code", { code: backup })).status).toBe(200);
    const fourth = testBrowser(test.url);
    await signIn(fourth, email);
    expect((await fourth.call("POST", "/api/auth/two-factor/verify-backup-code", { code: backup })).status).not.toBe(200);
  });

  it("ask models on the console by a key of its own, which they can limit and switch off", async () => {
    const browser = await person("chatty@example.org");
    await test.provider({ serve: (request) => request.answer("hi") });
    const operator = { authorization: `Bearer ${ADMIN_KEY}` };
    await browser.call("POST", "/v1/admin/credit", { email: "chatty@example.org", amount_usd: "1.00" }, operator);
    const asking = { model: MODEL, messages: [{ role: "user", content: "hello" }] };
    const answers = await Promise.all([1, 2].map(() => browser.call("POST", "/v1/chat/completions", asking)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const keys = (await browser.call("GET", "/v1/keys")).body["data"] as readonly { readonly id: string; readonly name: string }[];
    expect(keys).toMatchObject([{ name: "Console" }]);
    await browser.call("PATCH", `/v1/keys/${keys[0]?.id}`, { disabled: true });
    expect(await browser.call("POST", "/v1/chat/completions", asking)).toMatchObject({ status: 403 });
    expect((await browser.call("GET", "/v1/payments/balance")).status).toBe(200);
  });

  it("sign out elsewhere, and nowhere else than in their own account", async () => {
    const [laptop, stranger] = [await person("twice@example.org"), await person("stranger@example.org")];
    const phone = testBrowser(test.url);
    await signIn(phone, "twice@example.org");
    const { body } = await laptop.call("GET", "/v1/me/sessions");
    const other = (body["data"] as { id: string; current: boolean }[]).find(({ current }) => !current)?.id ?? "";
    expect((await stranger.call("DELETE", `/v1/me/sessions/${other}`)).status).toBe(404);
    expect((await phone.call("GET", "/v1/me")).status).toBe(200);
    expect((await laptop.call("DELETE", `/v1/me/sessions/${other}`)).status).toBe(200);
    expect((await phone.call("GET", "/v1/me")).status).toBe(401);
    await signIn(phone, "twice@example.org");
    expect((await phone.call("POST", "/v1/me/sessions/revoke-others")).body).toEqual({ status: "revoked", sessions: 1 });
    expect((await laptop.call("GET", "/v1/me")).status).toBe(401);
  });

  it("end the session that they had, when they sign in anew to confirm who they are", async () => {
    const email = "again@example.org";
    const browser = await person(email);
    const held = `umbel.session_token=${browser.cookies.get("umbel.session_token")}`;
    const { body: before } = await browser.call("GET", "/v1/me");
    expect((await signIn(browser, email, "not the password")).status).toBe(401);
    expect((await browser.call("GET", "/v1/me")).status).toBe(200);
    expect((await signIn(browser, email)).status).toBe(200);
    const { body: after } = await browser.call("GET", "/v1/me");
    expect(after["account_id"]).toBe(before["account_id"]);
    expect((await testBrowser(test.url).call("GET", "/v1/me", undefined, { cookie: held })).status).toBe(401);
    expect((await browser.call("GET", "/v1/me/sessions")).body["data"]).toHaveLength(1);
    // With what a browser has from somebody else no session is ended that it does not replace.
    await browser.call("POST", "/api/auth/update-user", { name: "Ada L." });
    expect((await browser.call("GET", "/v1/me")).body).toMatchObject({ display_name: "Ada L." });
  });

  it("change their address by a code that goes to the new one, which the old one hears of, and not in a session that is old", async () => {
    const [was, is] = ["before@example.org", "after@example.org"];
    const browser = await person(was);
    const askFor = (newEmail: string) => browser.call("POST", "/api/auth/email-otp/request-email-change", { newEmail });
    const enter = (otp: string, newEmail = is) => browser.call("POST", "/api/auth/email-otp/change-email", { newEmail, otp });
    const code = async (to: string, nth = 1) => /\d{6}/.exec((await letterTo(test.home, to, nth)).subject)?.[0] ?? "";

    expect((await askFor("no address")).status).toBe(400);
    expect(await askFor(is)).toMatchObject({ status: 200 });
    expect((await letterTo(test.home, was, 2)).text).toContain(is);
    const right = await code(is);
    expect((await enter(right === "000000" ? "111111" : "000000")).status).toBe(400);
    expect((await enter(right, "somewhere-else@example.org")).status).toBe(400);
    expect((await browser.call("GET", "/v1/me")).body).toMatchObject({ email: was });
    expect((await enter(right)).status).toBe(200);
    expect((await browser.call("GET", "/v1/me")).body).toMatchObject({ email: is, email_pending: false });
    expect((await letterTo(test.home, was, 3)).subject).toContain("has changed");
    expect((await enter(right)).status).toBe(400);
    expect((await signIn(testBrowser(test.url), was)).status).toBe(401);
    expect((await signIn(testBrowser(test.url), is)).status).toBe(200);

    // Of an address that is taken nobody hears more than of one that is free.
    await person("resident@example.org");
    expect((await askFor("resident@example.org")).body).toEqual((await askFor("free@example.org")).body);
    expect((await enter("000000", "resident@example.org")).status).toBe(400);

    await sql("update auth_sessions set created_at = created_at - interval '6 minutes'");
    expect(await askFor("later@example.org")).toMatchObject({ status: 403, body: { error: { code: "confirmation_required" } } });
    expect(await enter("000000", "free@example.org")).toMatchObject({ status: 403 });
    expect((await testBrowser(test.url).call("POST", "/api/auth/email-otp/request-email-change", { newEmail: is })).status).toBe(401);
  });

  describe("of an identity provider", () => {
    /** Presses the button, goes through the issuer, and comes back. */
    async function comeFrom(browser: TestBrowser, change: (url: URL) => void = () => undefined): Promise<string> {
      identityProvider.allow(`${test.url}/api/auth/callback/work`);
      const asked = { provider: "work", callbackURL: "/keys", errorCallbackURL: "/sign-in" };
      const { status, body } = await browser.call("POST", "/api/auth/sign-in/social", asked);
      expect(status).toBe(200);
      const page = new URL(String(body["url"]));
      change(page);
      return (await identityProvider.visit(page.href)).replace(test.url, "");
    }
    const land = async (browser: TestBrowser, callback: string) => {
      const { status, headers } = await browser.call("GET", callback);
      expect(status).toBe(302);
      return new URL(headers.get("location") ?? "", test.url);
    };

    it("sign in with it, by PKCE, to one account each, however often they come and whatever they are called by then", async () => {
      identityProvider.person = { sub: "u1", email: "Employee@example.org", email_verified: true, name: "Employee" };
      const browser = testBrowser(test.url);
      expect((await browser.call("GET", "/v1/config/public")).body).toMatchObject({
        sign_in: { providers: [{ id: "work", name: "Work" }] },
      });
      const callback = await comeFrom(browser, ({ searchParams }) => {
        expect(Object.fromEntries(searchParams)).toMatchObject({ response_type: "code", code_challenge_method: "S256" });
        expect([searchParams.get("nonce"), searchParams.get("state")]).not.toContain(null);
      });
      expect((await land(browser, callback)).pathname).toBe("/keys");
      const { body: me } = await browser.call("GET", "/v1/me");
      expect(me).toMatchObject({
        email: "employee@example.org",
        display_name: "Employee",
        signs_in_here: true,
        session: { how: "cookie" },
      });
      // What has led there leads nowhere again, for nobody.
      expect((await land(testBrowser(test.url), callback)).pathname).toBe("/sign-in");

      identityProvider.person = { sub: "u1", email: "renamed@example.org", email_verified: true, name: "Renamed" };
      const other = testBrowser(test.url);
      await land(other, await comeFrom(other));
      expect((await other.call("GET", "/v1/me")).body).toMatchObject({ account_id: me["account_id"], email: "employee@example.org" });
    });

    it.each([true, false])("do not get into an account that has their address, proven there (%s) or not", async (email_verified) => {
      const email = `owner-${email_verified}@example.org`;
      const owner = await person(email);
      identityProvider.person = { sub: `intruder-${email_verified}`, email, email_verified };
      const browser = testBrowser(test.url);
      const page = await land(browser, await comeFrom(browser));
      expect([page.pathname, page.searchParams.get("error")]).toEqual(["/sign-in", "account_not_linked"]);
      expect((await browser.call("GET", "/v1/me")).status).toBe(401);
      expect((await owner.call("GET", "/api/auth/list-accounts")).status).toBe(200);
      expect((await owner.call("GET", "/v1/me")).body).toMatchObject({ email });
    });

    it("add it to an account that they are signed in to, and then sign in to that one with it", async () => {
      const email = "both@example.org";
      const owner = await person(email);
      identityProvider.person = { sub: "both", email, email_verified: true };
      identityProvider.allow(`${test.url}/api/auth/callback/work`);
      const { body } = await owner.call("POST", "/api/auth/link-social", { provider: "work", callbackURL: "/settings" });
      const back = await land(owner, (await identityProvider.visit(String(body["url"]))).replace(test.url, ""));
      expect(back.pathname + back.search).toBe("/settings");
      const other = testBrowser(test.url);
      await land(other, await comeFrom(other));
      const { account_id } = (await owner.call("GET", "/v1/me")).body;
      expect((await other.call("GET", "/v1/me")).body).toMatchObject({ account_id, email });
    });

    it("with an address that is not proven have none here, and leave nothing open for whoever proves it", async () => {
      const email = "claimed@example.org";
      identityProvider.person = { sub: "claimer", email, email_verified: false };
      const claimer = testBrowser(test.url);
      await land(claimer, await comeFrom(claimer));
      expect((await claimer.call("GET", "/v1/me")).body).toMatchObject({ email: null, email_pending: true });
      const owner = testBrowser(test.url);
      await owner.call("POST", "/api/auth/email-otp/send-verification-otp", { email, type: "sign-in" });
      const otp = /(\d{6}) is your/.exec((await letterTo(test.home, email, 2)).subject)?.[1];
      expect((await owner.call("POST", "/api/auth/sign-in/email-otp", { email, otp })).status).toBe(200);
      expect((await owner.call("GET", "/v1/me")).body).toMatchObject({ email });
      expect((await claimer.call("GET", "/v1/me")).status).toBe(401);
      const back = testBrowser(test.url);
      expect((await land(back, await comeFrom(back))).searchParams.get("error")).toBe("account_not_linked");
    });

    const forgeries: readonly (readonly [string, Forgery])[] = [
      ["for another nonce", (claims, sign) => sign.genuine({ ...claims, nonce: "another" })],
      ["without a nonce", ({ nonce: _nonce, ...claims }, sign) => sign.genuine(claims)],
      ["for another audience", (claims, sign) => sign.genuine({ ...claims, aud: "another client" })],
      ["of another issuer", (claims, sign) => sign.genuine({ ...claims, iss: "https://issuer.example" })],
      ["that has expired", (claims, sign) => sign.genuine({ ...claims, exp: Math.floor(Date.now() / 1_000) - 3_600 })],
      ["signed with another key", (claims, sign) => sign.anotherKey(claims)],
      ["signed with what both sides know", (claims, sign) => sign.clientSecret(claims)],
      ["that nobody has signed", (claims, sign) => sign.nothing(claims)],
      ["of somebody else than the issuer tells of", (claims, sign) => sign.genuine({ ...claims, sub: "somebody else" })],
    ];
    it.each(forgeries)("are not signed in by an id_token %s", async (_what, forgery) => {
      identityProvider.person = { sub: "forged", email: "forged@example.org", email_verified: true };
      identityProvider.forgery = forgery;
      const browser = testBrowser(test.url);
      const page = await land(browser, await comeFrom(browser));
      identityProvider.forgery = undefined;
      expect([page.pathname, page.searchParams.has("error")]).toEqual(["/sign-in", true]);
      expect((await browser.call("GET", "/v1/me")).status).toBe(401);
      expect(await sql("select 1 from auth_users where email = 'forged@example.org'")).toHaveLength(0);
    });

    it("are not signed in by what others have begun, or what was changed on the way", async () => {
      identityProvider.person = { sub: "u2", email: "second@example.org", email_verified: true };
      const attacker = testBrowser(test.url);
      const stolen = await comeFrom(attacker);
      // Somebody else's way to their account would sign its victim in as them.
      const victim = testBrowser(test.url);
      expect((await land(victim, stolen)).searchParams.has("error")).toBe(true);
      expect((await victim.call("GET", "/v1/me")).status).toBe(401);

      const browser = testBrowser(test.url);
      const callback = await comeFrom(browser);
      const changed = new URL(callback, test.url);
      changed.searchParams.set("state", "another");
      expect((await land(browser, changed.pathname + changed.search)).searchParams.has("error")).toBe(true);
      const other = testBrowser(test.url);
      const verifier = await comeFrom(other, ({ searchParams }) => searchParams.set("code_challenge", "A".repeat(43)));
      expect((await land(other, verifier)).searchParams.has("error")).toBe(true);
      for (const one of [browser, other]) expect((await one.call("GET", "/v1/me")).status).toBe(401);
    });
  });

  it("come from where they connect from, whatever they write into X-Forwarded-For, where no proxy is trusted", async () => {
    const browser = await person("direct@example.org");
    const { body } = await browser.call("POST", "/v1/device/code", {}, { "x-forwarded-for": "203.0.113.7" });
    const shown = await browser.call("GET", `/v1/device/pending?user_code=${String(body["user_code"])}`);
    expect(shown.body).toMatchObject({ network: "127.0.0.0/24" });
  });

  it("leave neither passwords, nor codes, nor tokens in the log or in plain in the database", async () => {
    const browser = await person("private@example.org");
    const cookie = browser.cookies.get("umbel.session_token")?.split(".")[0] ?? "";
    expect(cookie).toMatch(/^umbel-st-[0-9a-f]{64}$/);
    expect(test.log.join("\n")).not.toContain(PASSWORD);
    expect(test.log.join("\n")).not.toContain(cookie);
  });

  it("find no more of the library behind it than is offered", async () => {
    const browser = testBrowser(test.url);
    for (const hidden of ["list-sessions", "ok", "delete-user", "revoke-sessions", "error", "verify-password", "get-access-token"]) {
      expect((await browser.call("GET", `/api/auth/${hidden}`)).status, hidden).toBe(404);
    }
  });
});

describe("a coordinator whose people are invited", () => {
  let test: TestCoordinator;
  beforeAll(async () => {
    test = await startTestCoordinator({
      ...{ registration: "invite", adminKey: ADMIN_KEY },
      ...{ adminSecondFactor: "true", trustedProxies: "127.0.0.1" },
    });
  });
  afterAll(() => test.close());

  const operator = { authorization: `Bearer ${ADMIN_KEY}` };
  const signUp = (email: string) =>
    testBrowser(test.url).call("POST", "/api/auth/sign-up/email", { name: "Ada", email, password: PASSWORD });

  it("lets people act as operators once they have a second factor, where that is wanted", async () => {
    const from = { "x-forwarded-for": "198.51.100.1" };
    const browser = testBrowser(test.url);
    const token = readFileSync(path.join(test.home, "setup-token"), "utf8").trim();
    const root = { email: "root@example.org", password: PASSWORD };
    expect((await browser.call("POST", "/v1/setup", { token, name: "Root", ...root }, from)).status).toBe(200);
    expect((await browser.call("POST", "/api/auth/sign-in/email", root, from)).status).toBe(200);
    const asOperator = async () => [
      (await browser.call("GET", "/v1/admin/settings")).status,
      (await browser.call("GET", "/v1/me")).body["operator"],
    ];
    expect(await asOperator()).toEqual([403, false]);
    const { body } = await browser.call("POST", "/api/auth/two-factor/enable", { password: PASSWORD }, from);
    // Begun is not had.
    expect(await asOperator()).toEqual([403, false]);
    const secret = new URL(String(body["totpURI"])).searchParams.get("secret") ?? "";
    expect((await browser.call("POST", "/api/auth/two-factor/verify-totp", { code: totp(secret) }, from)).status).toBe(200);
    expect(await asOperator()).toEqual([200, true]);
    expect((await browser.call("GET", "/v1/admin/settings", undefined, { ...operator, cookie: undefined })).status).toBe(200);
  });

  it("takes invited addresses, says nothing to others, and lets nobody try for ever", async () => {
    const browser = testBrowser(test.url);
    const invite = (email: string) => browser.call("POST", "/v1/admin/invitations", { email }, operator);
    expect((await invite("guest@example.org")).body).toMatchObject({ status: "open", email: "guest@example.org" });
    const { body: taken } = await invite("former@example.org");
    expect((await browser.call("DELETE", `/v1/admin/invitations/${String(taken["id"])}`, {}, operator)).status).toBe(200);

    const answers = [await signUp("stranger@example.org"), await signUp("former@example.org"), await signUp("guest@example.org")];
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ({ status: "mailed" })));
    await letterTo(test.home, "guest@example.org", 2);
    const { body: list } = await browser.call("GET", "/v1/admin/invitations", undefined, operator);
    expect(list["data"]).toMatchObject([
      { email: "former@example.org", status: "revoked" },
      { email: "guest@example.org", status: "used" },
    ]);

    const tries = await Promise.all(Array.from({ length: 6 }, () => signUp("stranger@example.org")));
    const refused = tries.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(refused[0]?.headers.get("retry-after")).toMatch(/^\d+$/);
  });

  it("counts tries together with another coordinator on the same database", async () => {
    const overrides = { home: path.join(test.home, "another"), port: "0", databaseUrl: test.databaseUrl, trustedProxies: "127.0.0.1" };
    const another = await startCoordinator(loadSettings({ env: {}, overrides }), { log: { write: () => undefined } });
    try {
      const attempt = (url: string, n: number) =>
        testBrowser(url).call(
          "POST",
          "/api/auth/sign-in/email",
          { email: `anybody${n}@example.org`, password: PASSWORD },
          { "x-forwarded-for": "203.0.113.77" },
        );
      const answers: number[] = [];
      for (let n = 0; n < 6; n++) answers.push((await attempt(n % 2 === 0 ? test.url : another.url, n)).status);
      expect(answers).toEqual([401, 401, 401, 401, 401, 429]);
      expect((await attempt(test.url, 6)).status).toBe(429);
    } finally {
      await another.close();
    }
  });

  it("counts tries against whom a trusted proxy names, and not against whom callers name themselves", async () => {
    const attempt = (from: string, n: number) => {
      const body = { email: `somebody${n}@example.org`, password: PASSWORD };
      return testBrowser(test.url).call("POST", "/api/auth/sign-in/email", body, { "x-forwarded-for": from });
    };
    const answers: number[] = [];
    for (let n = 0; n < 8; n++) answers.push((await attempt(`198.51.100.${n + 20}, 203.0.113.5`, n)).status);
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    expect((await attempt("203.0.113.5, 203.0.113.6", 9)).status).toBe(401);
  });

  it("does not take a database that is away for a wrong session", async () => {
    const browser = testBrowser(test.url);
    const cookie = `umbel.session_token=umbel-st-${"0".repeat(64)}`;
    expect((await browser.call("GET", "/v1/me", undefined, { cookie })).status).toBe(401);
    test.cutDatabase();
    expect((await browser.call("GET", "/v1/me", undefined, { cookie })).status).toBe(503);
  });
});

/** Source: RFC 6238, as authenticators do it. */
function totp(secret: string): string {
  const bits = Array.from(secret.replace(/=+$/, ""), (letter) =>
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"),
  );
  const key = Buffer.from((bits.join("").match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const digest = createHmac("sha1", key).update(counter).digest();
  const code = digest.readUInt32BE((digest.at(-1) ?? 0) & 15) & 0x7fff_ffff;
  return String(code % 1_000_000).padStart(6, "0");
}
