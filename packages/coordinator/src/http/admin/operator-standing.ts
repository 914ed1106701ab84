import type { People, Principal } from "../../accounts/index.js";
import type { Settings } from "../../config/index.js";

/**
 * Whether somebody may do what the operator may: by the list in the settings, by their account, or because their issuer says so. Only for whoever
 * has signed in.
 *
 * @throws AccountsUnavailableError
 */
export async function isOperator(
  { accountId, method, session }: Principal,
  {
    settings,
    people,
  }: { readonly settings: Pick<Settings, "adminAccounts" | "adminSecondFactor">; readonly people: Pick<People, "standing"> },
): Promise<boolean> {
  if (method !== "session") return false;
  const standing = await people.standing(accountId);
  const isNamed = settings.adminAccounts.includes(accountId) || session?.operator === true || standing?.operator === true;
  // A second factor is asked of those who sign in here; other issuers have their own rules.
  const isBare = settings.adminSecondFactor && standing?.signsInHere === true && !standing.secondFactor;
  return isNamed && !isBare;
}
