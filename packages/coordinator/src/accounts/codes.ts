/** Codes that people type: of invites, and of whoever brings others. ASCII, so that no two look alike for being of other alphabets. */
const CODE = /^[A-Z0-9][A-Z0-9-]{1,18}[A-Z0-9]$/;
/** Base32 of RFC 4648: no 0, 1 or 8, which are read as letters. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** As it is kept, however it was typed. */
export function normalCode(written: string): string {
  return written.trim().toUpperCase();
}

/** 3 to 20 capitals, digits and hyphens, no hyphen at the ends. */
export function isCode(code: string): boolean {
  return CODE.test(code);
}

export function randomCode(characters: number, randomBytes: (length: number) => Uint8Array): string {
  return Array.from(randomBytes(characters), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
