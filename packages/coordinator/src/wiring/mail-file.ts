import { appendFile, rename, stat } from "node:fs/promises";
import type { Mail } from "../accounts/index.js";

/** Beyond it the file begins anew, and the one before is kept beside it. */
const FILE_bytes_max = 1024 * 1024;

/**
 * Puts letters into a file, one JSON value a line, where there is no mail server: for a coordinator that only its own machine reaches, whose
 * people may read its home. The log is no place for links that sign somebody in.
 */
export function fileDelivery(file: string, onLetter: () => void): (mail: Mail) => Promise<void> {
  return async (mail) => {
    const size_bytes = await stat(file).then(
      ({ size }) => size,
      () => 0,
    );
    if (size_bytes > FILE_bytes_max) await rename(file, `${file}.old`);
    await appendFile(file, `${JSON.stringify(mail)}\n`, { mode: 0o600 });
    onLetter();
  };
}
