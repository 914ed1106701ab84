const NAMES = ["__Secure-umbel.session_token", "umbel.session_token"];

/**
 * The session token of a `Cookie` header. The library's signature behind it is left out: the token is looked up by its digest, and one that
 * nobody was given is not there.
 */
export function sessionCookieOf(header: string | undefined): string | undefined {
  const cookies = (header ?? "").split(";").map((part) => part.trim());
  for (const name of NAMES) {
    const value = cookies.find((cookie) => cookie.startsWith(`${name}=`))?.slice(name.length + 1);
    const token = value?.split(".", 1)[0];
    if (token !== undefined && token !== "") return token;
  }
  return undefined;
}
