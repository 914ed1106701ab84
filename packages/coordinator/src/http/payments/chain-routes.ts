import { z } from "zod";
import { controlBody } from "../control-body.js";
import type { HttpDependencies } from "../dependencies.js";
import { principalOf } from "../exchange.js";
import { jsonAmount } from "../money-format.js";
import type { Route } from "../route.js";
import { usdAmount } from "../usd-amount.js";
import { paid } from "./refusals.js";
import { answerWithdrawal, clientKeyOf, IDEMPOTENCY_HEADER } from "./withdrawal-routes.js";
import { submittedAnswer } from "./withdrawal-schema.js";

const addressAnswer = z.object({
  configured: z.boolean(),
  chain_id: z.int().nullable(),
  token: z.string().nullable().describe("Contract of the stablecoin."),
  fee_micro_usd: z.int().nullable(),
  address: z.string().nullable().describe("Where the account is paid to."),
  verified_at: z.iso.datetime().nullable(),
});
const challengeBody = z.strictObject({ address: z.string().max(64) });
const challengeAnswer = z.object({
  message: z.string().describe("To be signed by the address: by its key (EIP-191), or as its contract wants it (EIP-1271)."),
  expires_at: z.iso.datetime(),
});
/** A wallet that is a contract may need the signatures of many keys. */
const SIGNATURE_characters_max = 8_194;
const proofBody = z.strictObject({ signature: z.string().max(SIGNATURE_characters_max) });
const provenAnswer = z.object({ address: z.string() });
const withdrawBody = z.strictObject({ amount_usd: usdAmount });

/** Money that goes out in a stablecoin. */
export function chainRoutes(dependencies: HttpDependencies): readonly Route[] {
  const { addresses, chain, withdrawByChain } = dependencies.payments;
  return [
    {
      method: "GET",
      url: "/v1/billing/chain/address",
      access: "session",
      doc: { tag: "Billing", summary: "The address that the account is paid to in a stablecoin", answer: addressAnswer },
      async handle(request): Promise<z.infer<typeof addressAnswer>> {
        const known = await addresses.of(principalOf(request).accountId);
        return {
          configured: chain !== undefined,
          ...{ chain_id: chain?.chainId ?? null, token: chain?.token ?? null },
          fee_micro_usd: chain === undefined ? null : jsonAmount(chain.fee_microUsd),
          ...{ address: known?.address ?? null, verified_at: known?.verifiedAt.toISOString() ?? null },
        };
      },
    },
    {
      method: "POST",
      url: "/v1/billing/chain/challenge",
      access: "session",
      doc: {
        tag: "Billing",
        summary: "Ask for what an address has to sign",
        request: challengeBody,
        answer: challengeAnswer,
        errors: [400],
      },
      async handle(request): Promise<z.infer<typeof challengeAnswer>> {
        const { address } = await controlBody(request, challengeBody, dependencies);
        const { message, expiresAt } = await paid(addresses.challenge(principalOf(request).accountId, address));
        return { message, expires_at: expiresAt.toISOString() };
      },
    },
    {
      method: "PUT",
      url: "/v1/billing/chain/address",
      access: "confirmed",
      doc: {
        tag: "Billing",
        summary: "Show that the address is yours, and be paid to it",
        request: proofBody,
        answer: provenAnswer,
        errors: [400, 404, 502],
      },
      async handle(request): Promise<z.infer<typeof provenAnswer>> {
        const { signature } = await controlBody(request, proofBody, dependencies);
        return { address: await paid(addresses.prove(principalOf(request).accountId, signature)) };
      },
    },
    {
      method: "POST",
      url: "/v1/billing/withdraw/chain",
      access: "session",
      doc: {
        tag: "Billing",
        summary: "Withdraw earnings in a stablecoin",
        parameters: [IDEMPOTENCY_HEADER],
        description: "202 means that it is on its way and goes on by itself.",
        request: withdrawBody,
        answer: submittedAnswer,
        errors: [400, 409, 502],
      },
      async handle(request, reply) {
        const { amount_usd: amount_microUsd } = await controlBody(request, withdrawBody, dependencies);
        const asked = { accountId: principalOf(request).accountId, amount_microUsd, clientKey: clientKeyOf(request) };
        return answerWithdrawal(await paid(withdrawByChain(asked)), reply, dependencies);
      },
    },
  ];
}
