import { createAdministration, createDataRights, createInvites, createReferrals } from "../../../accounts/index.js";
import { createPayments } from "../../../payments/index.js";
import { createRewards } from "../../../rewards/index.js";
import type { Store } from "../../../store/index.js";
import { createLedger } from "../../ledger.js";
import type { SpillFile } from "../../spill-file.js";
import type { Chance } from "./chance.js";
import type { Outside } from "./movements/outside.js";
import type { Process } from "./process.js";
import type { Services } from "./story.js";

const DAY_ms = 24 * 3_600_000;
const DOLLAR = 1_000_000n;
/** Of a month: an epoch has less than two machines would get. */
const POOL_microUsd = DOLLAR;

export interface Opening {
  readonly store: Store;
  readonly process: Process;
  readonly spill: SpillFile;
  readonly spillAlways: boolean;
  readonly chance: Chance;
  readonly outside: Outside;
}

/** Everything of a coordinator that moves money, as its `main.ts` wires it, in one process. */
export async function openServices({ store, process, spill, spillAlways, chance, outside }: Opening): Promise<Services> {
  const { clock } = process;
  const random = (): number => 0.5;
  const randomBytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => chance.below(256));
  const ledger = await createLedger({
    ...{ store, clock, instanceId: process.id, spill, random },
    settings: { platformFeePercent: 10, deadInstances: "all_others", spillAlways },
  });
  const referrals = createReferrals({ store, clock, share_percent: 20 });
  const { desk, chain } = outside;
  const page = "https://umbel.example/";
  const payments = createPayments({
    ...{ store, clock, instanceId: process.id, randomBytes, random, onEvent: () => undefined },
    referrals: { isKnown: referrals.isKnown, apply: referrals.applyIn },
    settings: {
      stripe: { secretKey: desk.secretKey, fetch: outside.fetchOf(process) },
      webhookSecret: desk.secrets.account,
      connectWebhookSecret: desk.secrets.connect,
      chain: { open: chain.of(process), fee_microUsd: 500_000n, confirmations: 2, decimals: 6 },
      deposits: { max_microUsd: 10_000n * DOLLAR, successUrl: page, cancelUrl: page, host: "umbel.example" },
      onboarding: { country: "US", returnUrl: page, refreshUrl: page, allowsLocalPages: false },
      withdrawals: { dailyMax_microUsd: 5_000n * DOLLAR, hold_ms: 0 },
    },
  });
  const reward = {
    monthlyPool_microUsd: POOL_microUsd,
    reduction: 0,
    uptime_min: 0.1,
    accountShare_max: 0,
    lifetime_microUsd: 0n,
  } as const;
  return {
    ledger,
    payments,
    invites: createInvites({ store, clock, randomBytes }),
    administration: createAdministration({ store, clock }),
    rewards: createRewards({ store, clock, settings: { ...reward, minTrust: "self_signed" } }),
    dataRights: createDataRights({ store, clock, randomBytes, erasureDelay_ms: 2 * DAY_ms }),
  };
}
