import { describe, expect, it } from "vitest";
import type { CoordinatorReply } from "../call-coordinator.js";
import { CliError, EXIT_CODES } from "../exit-codes.js";
import { awaitApproval } from "./await-approval.js";

const reply = (status: number, body: Record<string, unknown>, code?: string): CoordinatorReply => ({
  ...{ ok: status < 300, status },
  ...{ body, code, message: "no", retryAfter_s: undefined },
});
const PENDING = reply(200, { status: "authorization_pending" });
const AUTHORIZED = reply(200, { status: "authorized", token: "t", account_id: "alice" });
const SILENCE = new CliError("Nothing answers.", EXIT_CODES.network);

/** Answers in order; the last one again and again. */
async function waitFor(...answers: readonly (CoordinatorReply | Error)[]) {
  const waits: number[] = [];
  let now_ms = 0;
  const outcome = await awaitApproval(
    { deviceCode: "d", interval_s: 5, expires_s: 60 },
    {
      async poll() {
        const answer = answers[Math.min(waits.length, answers.length) - 1];
        if (answer === undefined || answer instanceof Error) throw answer;
        return answer;
      },
      async wait(wait_ms) {
        waits.push(wait_ms);
        now_ms += wait_ms;
      },
      now_ms: () => now_ms,
    },
  );
  return { outcome, waits };
}

describe("awaitApproval", () => {
  it("asks at the interval, slower when it is told so, and through silence", async () => {
    const { outcome, waits } = await waitFor(PENDING, SILENCE, reply(400, {}, "slow_down"), reply(503, {}), AUTHORIZED);
    expect(outcome).toEqual({ token: "t", accountId: "alice" });
    expect(waits).toEqual([5_000, 5_000, 5_000, 10_000, 10_000]);
  });

  it("ends when somebody refuses, the code expires, or nobody decides", async () => {
    await expect(waitFor(reply(403, {}, "access_denied"))).rejects.toThrow("The code was refused");
    await expect(waitFor(reply(410, {}, "expired_token"))).rejects.toThrow("has expired");
    await expect(waitFor(PENDING)).rejects.toMatchObject({ exitCode: EXIT_CODES.authentication });
  });
});
