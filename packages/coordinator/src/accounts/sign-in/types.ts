/** Who may make an account: anybody, invited addresses, nobody. */
export type Registration = "open" | "invite" | "closed";

/** An identity provider that people may sign in with (OpenID Connect). */
export interface SignInProvider {
  readonly id: string;
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface SignInSettings {
  readonly registration: Registration;
  readonly session_ms: number;
  readonly providers: readonly SignInProvider[];
}

/** How people sign in, by the library behind it, which is loaded when the first of them does. */
export interface SignIn {
  /**
   * Answers a request below `/api/auth`.
   *
   * @param origin where people reach this coordinator, one of its own addresses
   * @param network that the request came from, truncated
   * @throws AccountsUnavailableError the database does not answer
   */
  handle(request: Request, context: { readonly origin: string; readonly network: string }): Promise<Response>;
  hashPassword(password: string): Promise<string>;
}

export const SIGN_IN_LIMITS = {
  password_characters_min: 10,
  password_characters_max: 128,
  /** Of links that go by mail. */
  link_s: 3_600,
  code_s: 600,
  codeTries_max: 5,
  /** How long somebody counts as having just signed in. */
  fresh_s: 300,
  /** A session that is used is extended at most so often. */
  extend_s: 24 * 3_600,
  name_characters_max: 100,
} as const;
