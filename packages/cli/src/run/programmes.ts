import { createOutput } from "../output.js";
import { askAsOwner, type OwnerOptions } from "./own-account.js";

/** `umbel invite redeem`. */
export async function redeemInvite(code: string, options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "Check the code with whoever gave it to you.";
  const answer = await askAsOwner(options, { method: "POST", path: "/invite/redeem", body: { code }, remedy });
  output.result(answer);
  output.line(`Redeemed ${String(answer["credited_usd"])} USD. You can spend ${String(answer["balance_usd"])} USD now.`);
}

/** `umbel referral register`. */
export async function registerReferral(code: string, options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const answer = await askAsOwner(options, { method: "POST", path: "/referral/register", body: { code }, remedy: "Choose another code." });
  output.result(answer);
  output.line(`Your code is ${String(answer["code"])}: ${String(answer["message"])}.`);
}

/** `umbel referral apply`. */
export async function applyReferral(code: string, options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "An account is brought once; see with: umbel referral stats";
  const answer = await askAsOwner(options, { method: "POST", path: "/referral/apply", body: { code }, remedy });
  output.result(answer);
  output.line(`Noted: you came with ${String(answer["code"])}.`);
}

/** `umbel referral stats`. */
export async function referralStats(options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const remedy = "Take a code with: umbel referral register <code>";
  const answer = await askAsOwner(options, { method: "GET", path: "/referral/stats", remedy });
  output.result(answer);
  const { code, total_referred, total_rewards_usd, share_percent } = answer;
  output.line(`${String(total_referred)} came with ${String(code)}, which earned ${String(total_rewards_usd)} USD.`);
  output.line(`Your share of the operator's part is ${String(share_percent)}%.`);
}
