import { shownAddress } from "../download/download-error.js";
import { SourceError } from "./source-error.js";

const answer_ms = 10_000;
const answer_bytes_max = 10 * 1024 * 1024;

export interface JsonAnswer {
  readonly body: unknown;
  readonly headers: Headers;
}

/**
 * `GET` of a JSON document of bounded size.
 *
 * @throws SourceError `not_found` for 401, 403 and 404, `unreachable`, `malformed`
 */
export async function readJsonFrom(
  url: string,
  fetchIt: typeof fetch,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonAnswer> {
  const address = shownAddress(url);
  let response: Response;
  let text: string;
  try {
    response = await fetchIt(url, {
      headers: { accept: "application/json", ...headers },
      signal: AbortSignal.any([signal, AbortSignal.timeout(answer_ms)]),
    });
    text = await readBounded(response);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof SourceError) throw cause;
    throw new SourceError("unreachable", `${address} cannot be reached`, { cause });
  }
  if ([401, 403, 404].includes(response.status))
    throw new SourceError("not_found", `${address} has nothing of this name, or not for everybody (${response.status})`);
  if (!response.ok) throw new SourceError("unreachable", `${address} answers with status ${response.status}`);
  try {
    return { body: JSON.parse(text), headers: response.headers };
  } catch (cause) {
    throw new SourceError("malformed", `${address} answers with something that is no JSON`, { cause });
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size_bytes = 0;
  for await (const chunk of response.body ?? []) {
    size_bytes += chunk.length;
    if (size_bytes > answer_bytes_max)
      throw new SourceError("malformed", `${shownAddress(response.url)} answers with more than any catalogue`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
