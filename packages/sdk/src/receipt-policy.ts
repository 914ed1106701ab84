import type { DeviceKey, UsageReceipt } from "@umbel/protocol";

/** Which receipts a consumer accepts and what becomes of them. */
export interface ReceiptPolicy {
  /** Public keys of the devices that may answer, tried in turn; or a function that fetches them, called for each receipt. */
  readonly trustedDevices: readonly DeviceKey[] | (() => Promise<readonly DeviceKey[]>);
  /**
   * `checked`: a receipt that is there must verify, an answer without one passes. `required`: an answer without one fails, unless it
   * ends with an error. Default: `checked`.
   */
  readonly receipts?: "checked" | "required";
  /** Called once for each verified receipt, before the end of its answer is delivered. `jws` is the signed form, to keep. */
  readonly onReceipt?: (receipt: UsageReceipt, jws: string) => void;
}
