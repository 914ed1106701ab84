import { decimal, flag, oneOf, wholeNumber } from "../forms.js";
import { setting } from "./setting.js";

/** Fees, shares, rewards, and what becomes of accounts. */
export const moneySettings = {
  platformFee_percent: setting(wholeNumber({ least: 0, most: 100 }), {
    env: "UMBEL_PLATFORM_FEE_PERCENT",
    default: "0",
    about: "Share of each charge that stays with the operator.",
  }),
  baseRewards: setting(flag, {
    env: "UMBEL_BASE_REWARDS",
    default: "false",
    about: "Whether machines are paid for being there, too.",
  }),
  baseRewardsReduction: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_K",
    default: "0",
    about: "How much of what a machine earned is taken off that.",
  }),
  baseRewardsPool_microUsd: setting(wholeNumber({ least: 0, most: 9_999_999_999 }), {
    env: "UMBEL_BASE_REWARDS_POOL_MICRO",
    default: "9000000000",
    about: "What all of that may come to in a month, in millionths of a USD.",
  }),
  baseRewardsUptime: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_MIN_UPTIME",
    default: "0.90",
    about: "Share of five minutes for which a machine must be there to be paid for them.",
  }),
  baseRewardsAccountShare: setting(decimal({ least: 0, most: 1 }), {
    env: "UMBEL_BASE_REWARDS_ACCOUNT_CAP",
    default: "0",
    about: "Share of it that one account gets at most; 0 is no limit.",
  }),
  baseRewardsLifetime_microUsd: setting(wholeNumber({ least: 0, most: 9_999_999_999 }), {
    env: "UMBEL_BASE_REWARDS_LIFETIME_MICRO",
    default: "0",
    about: "What all of that may ever come to, in millionths of a USD; 0 is no limit.",
  }),
  baseRewardsMinTrust: setting(oneOf(["none", "self_signed", "hardware"]), {
    env: "UMBEL_BASE_REWARDS_MIN_TRUST",
    default: "hardware",
    about: "Least trust level of a machine that is paid for being there.",
  }),
  erasureDelay_days: setting(wholeNumber({ least: 0, most: 365 }), {
    env: "UMBEL_ERASURE_DELAY_DAYS",
    default: "14",
    about: "Days for which somebody may think better of having the account erased.",
  }),
  referralShare_percent: setting(wholeNumber({ least: 0, most: 50 }), {
    env: "UMBEL_REFERRAL_SHARE_PERCENT",
    default: "20",
    about: "Share of the operator's part that goes to whoever brought the payer; 0 is none.",
  }),
  referralWindow_days: setting(wholeNumber({ least: 0, most: 36_500 }), {
    env: "UMBEL_REFERRAL_WINDOW_DAYS",
    default: "0",
    about: "Days for which that lasts after the payer was brought; 0 is for ever.",
  }),
  providerPriceMultiple_max: setting(wholeNumber({ least: 1, most: 1_000_000 }), {
    env: "UMBEL_PROVIDER_PRICE_MAX_MULTIPLE",
    default: "10",
    about: "How many times the list price a provider may ask for its own machines' work at most.",
  }),
  unclaimed_days: setting(wholeNumber({ least: 0, most: 36_500 }), {
    env: "UMBEL_UNCLAIMED_DAYS",
    default: "30",
    about: "Days for which earnings of a machine that is linked to no account wait for an owner; then they are the operator's.",
  }),
  requireLinkedProvider: setting(flag, {
    env: "UMBEL_REQUIRE_LINKED_PROVIDER",
    default: "false",
    about: "Whether machines that are linked to no account get no requests.",
  }),
  spillAlways: setting(flag, {
    env: "UMBEL_SPILL_ALWAYS",
    default: "false",
    about:
      "Whether every settlement is written to disk before it is booked, so that a crash in that moment loses nobody's earning; costs a disk write a request.",
  }),
} as const;
