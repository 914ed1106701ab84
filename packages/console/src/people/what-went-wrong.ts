const IN_WORDS: Readonly<Record<string, string>> = {
  account_not_linked: "This address has an account here already. Sign in to it the way that you did before.",
  email_does_not_match: "The account there has another e-mail address than this one.",
  account_already_linked_to_different_user: "The account there signs in to another account here.",
  access_denied: "The identity provider did not let you in, or you thought better of it.",
  REGISTRATION_CLOSED: "This address may not make an account here. Ask whoever runs this coordinator for an invitation.",
  SECOND_FACTOR_REQUIRED: "This account has a second factor. Sign in with its password or a passkey.",
};

/** What an identity provider's way back says that went wrong; undefined where nothing did. */
export function whatWentWrong(error: string | null): string | undefined {
  return error === null ? undefined : (IN_WORDS[error] ?? `Signing in did not work (${error.slice(0, 80)}). Try again.`);
}
