import { z } from "zod";
import { createOutput, table } from "../output.js";
import { askAsOwner, type OwnerOptions } from "./own-account.js";

const machine = z
  .object({
    id: z.string(),
    tier_monthly_usd: z.string().nullable(),
    eligible: z.boolean(),
    reasons: z.array(z.string()),
    month_usd: z.string(),
  })
  .loose();
const rewards = z.object({ enabled: z.boolean(), machines: z.array(machine) }).loose();

/** `umbel rewards`. */
export async function showRewards(options: OwnerOptions): Promise<void> {
  const output = createOutput(options);
  const body = await askAsOwner(options, { method: "GET", path: "/me/rewards", remedy: "Try again later." });
  output.result(body);
  const { enabled, machines } = rewards.parse(body);
  if (!enabled) return output.line("This network does not pay for being there.");
  output.line(
    machines.length === 0
      ? "No machine of this account was there lately."
      : table(
          ["MACHINE", "USD A MONTH", "PAID THIS MONTH", "NOW"],
          machines.map((row) => [
            row.id,
            row.tier_monthly_usd ?? "not known yet",
            row.month_usd,
            row.eligible ? "paid" : row.reasons.join(", "),
          ]),
        ),
  );
}
