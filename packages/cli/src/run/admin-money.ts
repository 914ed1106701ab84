import { API_ANSWERS } from "@umbel/coordinator/answers";
import { EXIT_CODES } from "../exit-codes.js";
import { createOutput, table } from "../output.js";
import { adminCall, asOperator, type PublishingOptions } from "../publishing/admin-call.js";

/** `umbel admin money`. Exits with 7 when the books do not balance, something was put aside, or payments have failed for a quarter of an hour. */
export async function showMoneyHealth(options: PublishingOptions): Promise<void> {
  const output = createOutput(options);
  const answer = API_ANSWERS.moneyHealth;
  const health = await adminCall(await asOperator(options), {
    method: "GET",
    pathname: "/money/health",
    answer,
    remedy: "Check --admin-key.",
  });
  output.result(health);
  output.line(health.ok ? "The books balance." : "Something is wrong with the books:");
  for (const { property, subject, difference } of health.violations) output.line(`  ${property} ${subject}: ${difference}`);
  output.line(
    table(
      ["WAITING", "COUNT", "OLDEST"],
      health.waiting.map(({ name, count, oldest_s }) => [name, String(count), oldest_s === null ? "" : `${oldest_s} s`]),
    ),
  );
  for (const { name, count, for_s, last_error } of health.failing) {
    output.line(`${count} × ${name} fails, the oldest for ${for_s} s: ${last_error}`);
  }
  if (!health.ok) process.exitCode = EXIT_CODES.verification;
}
