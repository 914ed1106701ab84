import type { Command } from "commander";
import { asOwner } from "./own-account.js";

/** Invite codes and referrals, for people. */
export function addProgrammeCommands(program: Command): void {
  const run = () => import("../run/programmes.js");
  const invite = program.command("invite").description("codes that are worth money to spend");
  asOwner(invite.command("redeem"))
    .description("redeem one; once an account")
    .argument("<code>", "e.g. INV-ABCDEFGHIJKL")
    .action(async (code, options) => (await run()).redeemInvite(code, options));

  asOwner(program.command("rewards"))
    .description("what your machines are paid for being there, and why not")
    .action(async (options) => (await import("../run/rewards.js")).showRewards(options));

  const referral = program.command("referral").description("bring others to the network, for a share of the operator's part");
  asOwner(referral.command("register"))
    .description("take a code to bring others with; an account has one")
    .argument("<code>", "3 to 20 letters, digits and hyphens")
    .action(async (code, options) => (await run()).registerReferral(code, options));
  asOwner(referral.command("apply"))
    .description("say who brought you: once, for good")
    .argument("<code>", "of whoever did")
    .action(async (code, options) => (await run()).applyReferral(code, options));
  asOwner(referral.command("stats"))
    .description("how many came with your code, and what that earned")
    .action(async (options) => (await run()).referralStats(options));
}
