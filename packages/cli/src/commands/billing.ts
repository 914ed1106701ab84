import type { Command } from "commander";
import { asOwner } from "./own-account.js";

/** Money in and out of an account. */
export function addBillingCommands(program: Command): void {
  const billing = program.command("billing").description("money in and out of your account");
  asOwner(billing.command("deposit").description("make a page on which credits are paid by card"))
    .argument("<usd>", "amount, e.g. 25 or 12.50")
    .option("--referral <code>", "who sent you")
    .action(async (usd, options) => (await import("../run/billing.js")).deposit(usd, options));
  asOwner(billing.command("deposits").description("deposits of the account, newest first")).action(async (options) =>
    (await import("../run/billing.js")).listDeposits(options),
  );
  asOwner(billing.command("onboard").description("tell Stripe where your earnings are to be paid to"))
    .option("--country <code>", "two letters, e.g. US; fixed for a connected account")
    .action(async (options) => (await import("../run/billing.js")).onboard(options));
  asOwner(billing.command("status").description("where your earnings are paid to, and what Stripe still asks")).action(async (options) =>
    (await import("../run/billing.js")).payoutStatus(options),
  );
  asOwner(billing.command("withdraw").description("withdraw earnings to your bank account or debit card"))
    .argument("<usd>", "amount, e.g. 25 or 12.50")
    .option("--instant", "within half an hour, to a debit card, for a fee")
    .option("--stablecoin", "in a stablecoin, to the address that the account has signed for (umbel billing address)")
    .option("--key <text>", "the same withdrawal asked for again under the same key happens once (default: a new one)")
    .action(async (usd, options) => (await import("../run/billing.js")).withdraw(usd, options));
  asOwner(billing.command("withdrawals").description("withdrawals of the account, newest first")).action(async (options) =>
    (await import("../run/billing.js")).listWithdrawals(options),
  );
  const address = billing.command("address").description("the address that you are paid to in a stablecoin");
  asOwner(address.command("show").description("the address, and on which chain")).action(async (options) =>
    (await import("../run/payout-address.js")).showAddress(options),
  );
  asOwner(address.command("challenge").description("get the message by which an address shows that it is yours"))
    .argument("<address>", "0x and 40 hexadecimal digits")
    .action(async (text, options) => (await import("../run/payout-address.js")).challengeAddress(text, options));
  asOwner(address.command("prove").description("hand in the message's signature, and be paid to that address"))
    .argument("<signature>", "of the message of the last challenge, in hexadecimal digits")
    .action(async (signature, options) => (await import("../run/payout-address.js")).proveAddress(signature, options));
}
