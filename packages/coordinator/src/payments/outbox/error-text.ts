const TEXT_characters_max = 500;
/** Keys of Stripe, also those that it has masked itself, secrets of its webhooks, and private keys: whatever a library says of them stays out of
tables and logs. */
const SECRETS = /\b(?:[sr]k_(?:live|test)_|whsec_)[\w*]+|\b0x[0-9a-f]{64}\b/gi;

/** What a failure says of itself, as it may be kept. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(SECRETS, "…").slice(0, TEXT_characters_max);
}
