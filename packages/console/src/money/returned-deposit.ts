/** Which deposit this tab has gone to pay: what a page says after it counts for nothing, what the coordinator says of it does. */
const STORAGE = "umbel-deposit";

export function rememberDeposit(id: string): void {
  sessionStorage.setItem(STORAGE, id);
}

export function rememberedDeposit(): string | undefined {
  return sessionStorage.getItem(STORAGE) ?? undefined;
}

export function forgetDeposit(): void {
  sessionStorage.removeItem(STORAGE);
}
