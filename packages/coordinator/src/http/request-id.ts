/** A caller's own id is taken only in this form, so that it can stand in headers and logs. Source: api.md §2. */
const ACCEPTED = /^[A-Za-z0-9._:-]{1,128}$/;
const ALPHABET = "0123456789abcdefghijklmnopqrstuv";
const LENGTH = 12;

/** The id under which a request is logged and answered: the caller's, if it is fit to be written, else a fresh one. */
export function requestIdOf(header: string | readonly string[] | undefined, randomBytes: (length: number) => Uint8Array): string {
  if (typeof header === "string" && ACCEPTED.test(header)) return header;
  let id = "";
  for (const byte of randomBytes(LENGTH)) id += ALPHABET.charAt(byte % ALPHABET.length);
  return id;
}
