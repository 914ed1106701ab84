import { chainAddress, country, flag, foreignSecret, optionalAddress, optionalFile, usd, wholeNumber } from "../forms.js";
import { setting } from "./setting.js";

/** How money comes in and goes out. */
export const paymentsSettings = {
  stripeSecretKey: setting(foreignSecret, {
    env: "UMBEL_STRIPE_SECRET_KEY",
    default: "",
    about: "Secret key of a Stripe account, for deposits by card and withdrawals to bank accounts; empty takes no cards.",
    secret: true,
  }),
  stripeWebhookSecret: setting(foreignSecret, {
    env: "UMBEL_STRIPE_WEBHOOK_SECRET",
    default: "",
    about: "Signing secret of the webhook of that account; without it no event is taken.",
    secret: true,
  }),
  stripeConnectWebhookSecret: setting(foreignSecret, {
    env: "UMBEL_STRIPE_CONNECT_WEBHOOK_SECRET",
    default: "",
    about: "Signing secret of the webhook of connected accounts; without it no event of theirs is taken.",
    secret: true,
  }),
  stripeApiUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_API_URL",
    default: "",
    about: "Another address of Stripe's API, for a proxy or a server of your own to test with; empty is Stripe.",
  }),
  stripeSuccessUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_SUCCESS_URL",
    default: "",
    about: "Where Stripe sends a payer afterwards; `{CHECKOUT_SESSION_ID}` in it is replaced. Empty is the console.",
  }),
  stripeCancelUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CANCEL_URL",
    default: "",
    about: "Where Stripe sends somebody who does not pay. Empty is the console.",
  }),
  stripeConnectCountry: setting(country, {
    env: "UMBEL_STRIPE_CONNECT_COUNTRY",
    default: "US",
    about: "Country of whoever is paid and names none.",
  }),
  stripeConnectReturnUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CONNECT_RETURN_URL",
    default: "",
    about: "Where Stripe sends somebody who has said where to pay to. Empty is the console.",
  }),
  stripeConnectRefreshUrl: setting(optionalAddress, {
    env: "UMBEL_STRIPE_CONNECT_REFRESH_URL",
    default: "",
    about: "Where Stripe sends somebody whose page for that has expired. Empty is the console.",
  }),
  depositMax_usd: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_DEPOSIT_MAX_USD",
    default: "10000",
    about: "Largest deposit by card.",
  }),
  withdrawDailyMax_usd: setting(wholeNumber({ least: 1, most: 10_000_000 }), {
    env: "UMBEL_WITHDRAW_MAX_DAILY_USD",
    default: "5000",
    about: "Most that one account may withdraw in a day, UTC.",
  }),
  payoutHold_hours: setting(wholeNumber({ least: 0, most: 8_760 }), {
    env: "UMBEL_PAYOUT_HOLD_HOURS",
    default: "0",
    about: "For how long an earning cannot be withdrawn.",
  }),
  chainRpcUrl: setting(optionalAddress, {
    env: "UMBEL_CHAIN_RPC_URL",
    default: "",
    about: "JSON-RPC address of a chain of the Ethereum kind, for withdrawals in a stablecoin; empty pays out on no chain.",
    secret: true,
  }),
  chainId: setting(wholeNumber({ least: 0, most: 4_294_967_295 }), {
    env: "UMBEL_CHAIN_ID",
    default: "0",
    about: "Number of that chain, which it must answer with.",
  }),
  chainToken: setting(chainAddress, {
    env: "UMBEL_CHAIN_TOKEN",
    default: "",
    about: "Contract of the stablecoin (ERC-20), worth one USD.",
  }),
  chainTokenDecimals: setting(wholeNumber({ least: 6, most: 36 }), {
    env: "UMBEL_CHAIN_TOKEN_DECIMALS",
    default: "6",
    about: "Decimals of the stablecoin.",
  }),
  chainKeyFile: setting(optionalFile, {
    env: "UMBEL_CHAIN_KEY_FILE",
    default: "",
    about: "File with the private key of the address that pays, `0x` and 64 hexadecimal digits; its owner alone may read it (0600).",
  }),
  chainConfirmations: setting(wholeNumber({ least: 1, most: 10_000 }), {
    env: "UMBEL_CHAIN_CONFIRMATIONS",
    default: "12",
    about: "Blocks, from its own on, after which a withdrawal on the chain counts as paid.",
  }),
  chainFee_microUsd: setting(usd, {
    env: "UMBEL_CHAIN_FEE_USD",
    default: "1",
    about: "What a withdrawal on the chain costs its owner.",
  }),
  billingMock: setting(flag, {
    env: "UMBEL_BILLING_MOCK",
    default: "false",
    about:
      "Whether deposits are credited without any payment, to try things out. Refuses to start beside a Stripe key, in production, or with a database elsewhere.",
  }),
  allowBillingMock: setting(flag, {
    env: "UMBEL_ALLOW_BILLING_MOCK_I_KNOW",
    default: "false",
    about: "Whether it may do so in production or with a database elsewhere all the same.",
  }),
} as const;
