import { type DeviceKey, SignatureError, type UsageReceipt, verifyClaims } from "@umbel/protocol";
import { ReceiptError } from "./receipt-error.js";

/**
 * Verifies a provider's signed usage receipt (JWS, ES256).
 *
 * @param jws the receipt as the coordinator relays it, `extras.receipt` of an answer
 * @param deviceKey public key of the device that is trusted to have answered; never one that came with the receipt
 * @returns what the device claims to have done
 * @throws ReceiptError `untrusted_device` when another key signed it or it was altered, `invalid` when it is no usage receipt
 */
export async function verifyReceipt(jws: string, deviceKey: DeviceKey): Promise<UsageReceipt> {
  try {
    return await verifyClaims(deviceKey, "receipt", jws);
  } catch (cause) {
    if (!(cause instanceof SignatureError)) throw cause;
    throw new ReceiptError(cause.code === "signature" ? "untrusted_device" : "invalid", { cause });
  }
}
