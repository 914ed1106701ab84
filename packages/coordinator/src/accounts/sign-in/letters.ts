import type { Mail } from "./mailer.js";

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
  change: (to: string, next: string, link: string): Mail => ({
    to,
    subject: "Change the address of your Umbel account",
    text: `Somebody, perhaps you, wants to change the address of your account to ${next}. Follow this link to go on, within an hour:\n\n${link}${END}`,
  }),
  invitation: (to: string, link: string): Mail => ({
    to,
    subject: "You are invited to Umbel",
    text: `You may make an account with this address. Follow this link within two weeks:\n\n${link}${END}`,
  }),
};
