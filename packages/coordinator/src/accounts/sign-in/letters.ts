import type { Mail, Mailer } from "./mailer.js";

const END = "\n\nIf you have not asked for this, nothing happens when you ignore it.\n";

/** What people get by mail, by occasion. */
export const letters = {
  verify: (to: string, link: string): Mail => ({
    to,
    subject: "Confirm your address for Umbel",
    text: `Follow this link to confirm that this address is yours, within an hour:\n\n${link}${END}`,
  }),
  existing: (to: string, link: string): Mail => ({
    to,
    subject: "You have an Umbel account already",
    text: `Somebody, perhaps you, has tried to sign up with this address, which has an account. Sign in, or set a new password, here:\n\n${link}${END}`,
  }),
  reset: (to: string, link: string): Mail => ({
    to,
    subject: "Set a new password for Umbel",
    text: `Follow this link to set a new password, within an hour:\n\n${link}${END}`,
  }),
  code: (to: string, code: string): Mail => ({
    to,
    subject: `${code} is your Umbel code`,
    text: `Your code to sign in is ${code}, for ten minutes. Enter it only on the page where you have asked for it; nobody from Umbel will ask you for it.${END}`,
  }),
  newAddress: (to: string, code: string): Mail => ({
    to,
    subject: `${code} confirms your new address for Umbel`,
    text: `The code that makes this the address of your account is ${code}, for ten minutes. Enter it only on the page where you have asked for it.${END}`,
  }),
  addressChanging: (to: string, next: string): Mail => ({
    to,
    subject: "The address of your Umbel account is to change",
    text: `Somebody who is signed in to your account wants its address to be ${next} instead of this one. If that is not you, set a new password now, which signs everybody out.\n`,
  }),
  addressChanged: (to: string, next: string): Mail => ({
    to,
    subject: "The address of your Umbel account has changed",
    text: `The address of your account is ${next} now; this one no longer signs in to it. If that was not you, tell whoever runs this coordinator.\n`,
  }),
  invitation: (to: string, link: string): Mail => ({
    to,
    subject: "You are invited to Umbel",
    text: `You may make an account with this address. Follow this link within two weeks:\n\n${link}${END}`,
  }),
};

/** What people are told beside what they have asked for. Nothing where no mail can be sent. */
export interface PeopleMail {
  invitation(to: string, link: string): void;
  addressChanging(to: string, next: string): void;
  addressChanged(to: string, next: string): void;
}

export function createPeopleMail(mailer: Pick<Mailer, "send"> | undefined): PeopleMail {
  return {
    invitation: (to, link) => mailer?.send(letters.invitation(to, link)),
    addressChanging: (to, next) => mailer?.send(letters.addressChanging(to, next)),
    addressChanged: (to, next) => mailer?.send(letters.addressChanged(to, next)),
  };
}
