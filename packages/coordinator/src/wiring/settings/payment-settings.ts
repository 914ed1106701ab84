import type { Settings } from "../../config/index.js";
import { createEvmChain, type PaymentSettings } from "../../payments/index.js";
import { readChainKey } from "../secrets/chain-key.js";

const USD_microUsd = 1_000_000n;
const HOUR_ms = 3_600_000;

/** The operator's settings as payments read them. Pages that he has not named are the console's. */
export function paymentSettings(settings: Settings): PaymentSettings {
  const base = settings.publicUrl ?? `http://127.0.0.1:${settings.port}`;
  const page = `${base}/billing`;
  const { stripeSecretKey: secretKey, stripeApiUrl: apiUrl } = settings;
  return {
    stripe: secretKey === undefined ? (settings.billingMock ? "mock" : undefined) : { secretKey, apiUrl },
    webhookSecret: settings.stripeWebhookSecret,
    connectWebhookSecret: settings.stripeConnectWebhookSecret,
    deposits: {
      max_microUsd: BigInt(settings.depositMax_usd) * USD_microUsd,
      successUrl: settings.stripeSuccessUrl ?? `${page}?session_id={CHECKOUT_SESSION_ID}`,
      cancelUrl: settings.stripeCancelUrl ?? page,
      host: new URL(base).host,
    },
    chain: chainOf(settings),
    onboarding: {
      country: settings.stripeConnectCountry,
      returnUrl: settings.stripeConnectReturnUrl ?? page,
      refreshUrl: settings.stripeConnectRefreshUrl ?? page,
      allowsLocalPages: settings.publicUrl === undefined,
    },
    withdrawals: {
      dailyMax_microUsd: BigInt(settings.withdrawDailyMax_usd) * USD_microUsd,
      hold_ms: settings.payoutHold_hours * HOUR_ms,
    },
  };
}

/** @throws when its key cannot be read, or others can read it, too */
function chainOf(settings: Settings): PaymentSettings["chain"] {
  const { chainRpcUrl: rpcUrl, chainId, chainToken: token, chainKeyFile: file } = settings;
  if (rpcUrl === undefined || token === undefined || file === undefined) return undefined;
  return {
    open: createEvmChain({ rpcUrl, chainId, token, privateKey: readChainKey(file) }),
    fee_microUsd: settings.chainFee_microUsd,
    confirmations: settings.chainConfirmations,
    decimals: settings.chainTokenDecimals,
  };
}
