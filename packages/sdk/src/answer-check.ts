import { type SignedAnswer, signedAnswer } from "@umbel/dialects";
import type { DeviceKey, UsageReceipt } from "@umbel/protocol";
import { ReceiptError } from "./receipt-error.js";
import type { ReceiptPolicy } from "./receipt-policy.js";
import { verifyReceipt } from "./verify-receipt.js";

/** Checks one answer as its parts arrive. */
export interface AnswerCheck {
  /** Looks for a receipt in one JSON body and verifies it; an error ends an answer that has no receipt. @throws ReceiptError */
  read(body: unknown): Promise<void>;
  /** The answer is complete. @throws ReceiptError `missing` when one was required and none came. */
  end(): void;
}

export function createAnswerCheck(policy: ReceiptPolicy): AnswerCheck {
  let receiptDue = policy.receipts === "required";
  return {
    async read(body) {
      const answer = signedAnswer(body);
      if (answer === undefined) {
        if (isError(body)) receiptDue = false;
        return;
      }
      const devices = typeof policy.trustedDevices === "function" ? await policy.trustedDevices() : policy.trustedDevices;
      const receipt = await verifyByAny(answer.receipt, devices);
      refuseDisagreement(answer, receipt);
      receiptDue = false;
      policy.onReceipt?.(receipt, answer.receipt);
    },
    end() {
      if (receiptDue) throw new ReceiptError("missing");
    },
  };
}

function isError(body: unknown): boolean {
  return typeof body === "object" && body !== null && "error" in body && body.error !== null;
}

/** Another device's signature is no reason to stop looking; anything else is. */
async function verifyByAny(jws: string, devices: readonly DeviceKey[]): Promise<UsageReceipt> {
  for (const device of devices) {
    try {
      return await verifyReceipt(jws, device);
    } catch (error) {
      if (!(error instanceof ReceiptError) || error.code !== "untrusted_device") throw error;
    }
  }
  throw new ReceiptError("untrusted_device");
}

/** A receipt of another request could be passed off for this one, and a bill could name more than was signed. */
function refuseDisagreement(answer: SignedAnswer, receipt: UsageReceipt): void {
  if (answer.requestId !== receipt.request_id) throw new ReceiptError("wrong_answer");
  const { prompt_tokens, completion_tokens } = receipt.usage;
  if (answer.promptTokens > prompt_tokens || answer.completionTokens > completion_tokens) throw new ReceiptError("usage");
}
