/** Where somebody goes on after signing in: a page of this coordinator, whatever a link says. */
export function returnTo(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "/";
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : "/";
}

/** The sign-in page, from which this page is come back to. */
export function signInFrom(pathname: string, search = ""): string {
  return `/sign-in?next=${encodeURIComponent(pathname + search)}`;
}
