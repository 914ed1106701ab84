import { Refusal } from "../people/auth-api.js";

/** Saves a list as a table, all of it. @throws Refusal */
export async function saveAsCsv(path: string, name: string): Promise<void> {
  const response = await fetch(path, { headers: { accept: "text/csv" } });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({ error: undefined }));
    throw new Refusal(error?.message ?? `The coordinator answered ${response.status}.`, response.status, error?.code ?? "");
  }
  const address = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}
