import type { Clock } from "@umbel/protocol";
import { payoutAddressRepository } from "../../store/index.js";
import type { Database } from "../database.js";
import { PaymentRefusal } from "../payment-refusal.js";
import type { PayoutChain } from "./payout-chain.js";

export const CHALLENGE_ms = 10 * 60_000;

/** The addresses to which people are paid: only such as their owner has signed for. */
export interface PayoutAddresses {
  /** What is to be signed. @throws PaymentRefusal */
  challenge(accountId: string, address: string): Promise<{ readonly message: string; readonly expiresAt: Date }>;
  /** Makes the address of the last challenge the account's. Each challenge is answered once, right or wrong. @throws PaymentRefusal */
  prove(accountId: string, signature: string): Promise<string>;
  of(accountId: string): Promise<{ readonly address: string; readonly verifiedAt: Date } | undefined>;
}

export interface PayoutAddressDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly chain: PayoutChain | undefined;
  readonly newId: () => string;
}

export function createPayoutAddresses({ database, clock, chain, newId }: PayoutAddressDependencies): PayoutAddresses {
  const open = (): PayoutChain => {
    if (chain === undefined) throw new PaymentRefusal("billing_error", "this network pays out on no chain");
    return chain;
  };
  return {
    async challenge(accountId, text) {
      const address = await open().addressOf(text);
      if (address === undefined || address === (await open().addressOf(open().token)) || /^0x0{40}$/.test(address))
        throw new PaymentRefusal("invalid_request_error", "address is no address that can be paid to, or its checksum is wrong", "address");
      const expiresAt = new Date(clock.date().getTime() + CHALLENGE_ms);
      const message = [
        "Umbel: pay my earnings to this address.",
        `Account: ${accountId}`,
        `Address: ${address}`,
        `Chain: ${open().chainId}`,
        `Nonce: ${newId()}`,
        `Expires: ${expiresAt.toISOString()}`,
      ].join("\n");
      await database.transaction((tx) => payoutAddressRepository.challenge(tx, { accountId, address, message, expiresAt }));
      return { message, expiresAt };
    },

    async prove(accountId, signature) {
      const asked = await database.transaction((tx) => payoutAddressRepository.takeChallenge(tx, accountId, clock.date()));
      if (asked === undefined) throw new PaymentRefusal("not_found", "there is nothing to sign — ask for a challenge first");
      const isSigned = await open()
        .isSignedBy(asked.address, asked.message, signature)
        .catch((cause: unknown) => {
          throw new PaymentRefusal("chain_error", "the chain did not answer — please ask for another challenge", undefined, { cause });
        });
      if (!isSigned) throw new PaymentRefusal("invalid_request_error", "the signature is not of this address", "signature");
      await database.transaction((tx) => payoutAddressRepository.put(tx, { accountId, address: asked.address, verifiedAt: clock.date() }));
      return asked.address;
    },

    of: (accountId) => database.read((tx) => payoutAddressRepository.of(tx, accountId)),
  };
}
