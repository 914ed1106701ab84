import { sessionCookieOf } from "./session-cookie.js";

/**
 * The session that a browser no longer has, because an answer puts another one, or none, in its place. Nobody could end it any more but by
 * the list of sessions, so that it would stay open until it ends by itself.
 */
export function replacedSession(cookie: string | undefined, setCookies: readonly string[]): string | undefined {
  const held = sessionCookieOf(cookie);
  const put = setCookies.map((one) => one.split(";", 1)[0] ?? "").filter((pair) => /^(?:__Secure-)?umbel\.session_token=/.test(pair));
  return held === undefined || put.length === 0 || put.some((pair) => sessionCookieOf(pair) === held) ? undefined : held;
}
