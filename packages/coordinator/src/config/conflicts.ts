import type { SettingsProblem } from "./load-settings.js";
import { SETTINGS, type Settings } from "./settings.js";

/** Settings that are each right, and wrong together: money would be given away, nothing saved, or nothing known. Source: money.md §11. */
export function conflictsOf(settings: Settings, env: Readonly<Record<string, string | undefined>>): readonly SettingsProblem[] {
  return [...ofMock(settings, env), ...ofChain(settings), ...ofBackups(settings), ...ofCountry(settings), ...ofChallenges(settings)];
}

/** A chain is set up whole, or not at all. */
function ofChain(settings: Settings): readonly SettingsProblem[] {
  if (settings.chainRpcUrl === undefined) return [];
  const expected = `to be given where ${SETTINGS.chainRpcUrl.env} is`;
  const missing = (["chainToken", "chainKeyFile"] as const).filter((name) => settings[name] === undefined);
  const names = settings.chainId === 0 ? [...missing, "chainId" as const] : missing;
  return names.map((name) => ({ name: SETTINGS[name].env, value: "", expected }));
}

/** Backups are never written in the clear, and a bucket lets nobody in without a key. */
function ofBackups(settings: Settings): readonly SettingsProblem[] {
  const { backupDirectory, backupBucket, backupRecipients } = settings;
  const place = backupBucket === undefined ? "backupDirectory" : "backupBucket";
  if (backupDirectory === undefined && backupBucket === undefined) return [];
  const expected = `to be given where ${SETTINGS[place].env} is`;
  const keys = backupBucket === undefined ? [] : (["backupBucketKeyId", "backupBucketSecret"] as const);
  const missing = keys.filter((name) => settings[name] === undefined);
  const names = backupRecipients.length === 0 ? [...missing, "backupRecipients" as const] : missing;
  return names.map((name) => ({ name: SETTINGS[name].env, value: "", expected }));
}

/** What a caller says of itself does not count, so that without proxies nothing would. */
function ofCountry({ countryHeader, trustedProxies }: Settings): readonly SettingsProblem[] {
  if (countryHeader === undefined || trustedProxies.length > 0) return [];
  return [{ name: SETTINGS.trustedProxies.env, value: "", expected: `to be given where ${SETTINGS.countryHeader.env} is` }];
}

/** Else a machine that answers everything in time would lose its trust now and then, or be disconnected while it is trusted. */
function ofChallenges(settings: Settings): readonly SettingsProblem[] {
  const { challengeInterval_ms, challengeTimeout_ms, challengeFreshness_ms, challengeSilencesToUntrust, challengeSilencesToClose } =
    settings;
  const problem = (name: keyof typeof SETTINGS, value: number, expected: string): SettingsProblem => ({
    ...{ name: SETTINGS[name].env, value: String(value), expected },
  });
  const least_ms = challengeInterval_ms + challengeTimeout_ms;
  const longer = `to be longer than ${SETTINGS.challengeInterval_ms.env} and ${SETTINGS.challengeTimeout_ms.env} together, which are ${least_ms}ms`;
  const more = `to be no less than ${SETTINGS.challengeSilencesToUntrust.env}, which is ${challengeSilencesToUntrust}`;
  return [
    ...(challengeFreshness_ms > least_ms ? [] : [problem("challengeFreshness_ms", challengeFreshness_ms, longer)]),
    ...(challengeSilencesToClose >= challengeSilencesToUntrust
      ? []
      : [problem("challengeSilencesToClose", challengeSilencesToClose, more)]),
  ];
}

function ofMock(settings: Settings, env: Readonly<Record<string, string | undefined>>): readonly SettingsProblem[] {
  if (!settings.billingMock) return [];
  const problem = (expected: string): SettingsProblem => ({ name: SETTINGS.billingMock.env, value: "true", expected });
  if (settings.stripeSecretKey !== undefined) return [problem(`to be false where ${SETTINGS.stripeSecretKey.env} is given`)];
  if (settings.allowBillingMock) return [];
  const unless = `unless ${SETTINGS.allowBillingMock.env} is true`;
  if (env["NODE_ENV"] === "production") return [problem(`to be false in production, ${unless}`)];
  return isRemote(settings.databaseUrl) ? [problem(`to be false with a database on another machine, ${unless}`)] : [];
}

function isRemote(databaseUrl: string | undefined): boolean {
  if (databaseUrl === undefined) return false;
  return !["localhost", "127.0.0.1", "[::1]", ""].includes(new URL(databaseUrl).hostname);
}
