import { CliError, EXIT_CODES } from "../exit-codes.js";

const ANSWER_TIMEOUT_ms = 30_000;

export interface CoordinatorReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of a refusal. */
  readonly code: string | undefined;
  readonly message: string;
}

/** @param url of the coordinator, without `/v1`. @throws CliError when nothing answers, or something that is no coordinator */
export async function callCoordinator(
  url: string,
  call: { readonly method: string; readonly path: string; readonly token?: string; readonly body?: object },
): Promise<CoordinatorReply> {
  const base = url.replace(/^ws(?=s?:)/i, "http").replace(/\/+$/, "");
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${base}${call.path}`, {
      method: call.method,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_ms),
      headers: {
        ...(call.token === undefined ? {} : { authorization: `Bearer ${call.token}` }),
        ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    text = await response.text();
  } catch (cause) {
    throw new CliError(`Nothing answers at ${url}.`, EXIT_CODES.network, "Check --coordinator, and that it runs.", { cause });
  }
  const body = record(parsed(text));
  if (body === undefined) throw new CliError(`What answers at ${url} is no coordinator.`, EXIT_CODES.network, "Check --coordinator.");
  const error = record(body["error"]);
  const code = typeof error?.["code"] === "string" ? error["code"] : undefined;
  const message = typeof error?.["message"] === "string" ? error["message"] : "the coordinator refused without saying why";
  return { status: response.status, body, code, message };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  // Checked: an object that is no array.
  return value as Readonly<Record<string, unknown>>;
}
