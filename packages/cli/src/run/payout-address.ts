import { z } from "zod";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { ask, type BillingOptions } from "./billing.js";

const PATH = "/v1/billing/chain/address";
const known = z
  .object({
    configured: z.boolean(),
    chain_id: z.int().nullable(),
    token: z.string().nullable(),
    address: z.string().nullable(),
    verified_at: z.string().nullable(),
  })
  .loose();
const challenge = z.object({ message: z.string(), expires_at: z.string() }).loose();
const proven = z.object({ address: z.string() }).loose();

/** `umbel billing address show`. */
export async function showAddress(options: BillingOptions): Promise<void> {
  const { output, answer } = await ask("GET", PATH, options);
  const { configured, chain_id, token, address, verified_at } = known.parse(answer);
  if (!configured) return output.line("This network pays out on no chain.");
  if (address === null)
    return output.line(`Chain ${chain_id}, token ${token}. No address yet. Begin with: umbel billing address challenge <address>`);
  output.line(`${address} on chain ${chain_id}, token ${token}; signed for at ${verified_at}`);
}

/** `umbel billing address challenge`. Standard output is the message alone, so that it can be handed to whatever signs. */
export async function challengeAddress(text: string, options: BillingOptions): Promise<void> {
  const address = text.trim();
  if (!/^0x[0-9a-f]{40}$/i.test(address))
    throw new CliError(`${text} is no address.`, EXIT_CODES.usage, "An address is 0x and 40 hexadecimal digits.");
  const { output, answer } = await ask("POST", "/v1/billing/chain/challenge", options, { body: { address } });
  const { message, expires_at } = challenge.parse(answer);
  output.line(message);
  output.note(
    `Sign this with the wallet of ${address} ("sign message"; every character counts, and no line break follows the last) before ${expires_at}, then: umbel billing address prove <signature>`,
  );
}

/** `umbel billing address prove`. */
export async function proveAddress(signature: string, options: BillingOptions): Promise<void> {
  const { output, answer } = await ask("PUT", PATH, options, { body: { signature: signature.trim() } });
  output.line(`Earnings can be withdrawn to ${proven.parse(answer).address} with: umbel billing withdraw <usd> --stablecoin`);
}
