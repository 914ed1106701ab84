import type { Cast } from "../cast.js";
import type { Chance } from "../chance.js";
import type { Deed } from "../story.js";
import { ifRefused } from "./if-refused.js";
import type { Outside } from "./outside.js";

const CENT_microUsd = 10_000n;

/** Somebody fills his account by card; or does not; or gets it back; or his bank does. */
export function deposit(cast: Cast, chance: Chance, { desk: { world } }: Outside): Deed[] {
  const cents = chance.pick([50, 100, 250]);
  const end = chance.pick(["paid", "paid", "paid", "later", "fails", "expires", "left"] as const);
  const after = chance.pick(["kept", "kept", "refunded", "partly", "lost", "won", "inquiry"] as const);
  const referralCode = chance.happens(0.3) ? `S${cast.seed}-REFERRERXX` : undefined;
  let page: string | undefined;
  let isDone = false;

  const opened: Deed = async ({ payments }) => {
    const asked = { accountId: cast.consumer, amount_microUsd: BigInt(cents) * CENT_microUsd };
    const made = await payments.deposits.open({ ...asked, referralCode }).catch(ifRefused);
    page = made?.externalId;
  };
  /** What happens at Stripe needs nobody here. */
  const paid: Deed = async () => {
    if (page === undefined) return;
    isDone = true;
    if (end === "expires") world.expire(page);
    else if (end !== "left") world.pay(page, end === "paid" ? "now" : "later");
  };
  const decided: Deed = async () => {
    if (page === undefined || !isDone || end === "expires" || end === "left") return;
    if (end === "later" || end === "fails") world.arrive(page, end === "later" ? "arrives" : "fails");
    if (end === "fails" || after === "kept") return;
    if (after === "refunded" || after === "partly") {
      world.refund(page, 20);
      return world.refund(page, after === "partly" ? 10 : cents - 20);
    }
    const dispute = world.dispute(page, after === "inquiry" ? "warning_needs_response" : "needs_response");
    if (after === "lost" || after === "won") world.decide(dispute, after);
    // Those that stay open stand against the account as lost ones do.
  };
  return [opened, paid, decided];
}
