import type { Settings } from "./config/index.js";
import type { PaymentSettings } from "./payments/index.js";

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
