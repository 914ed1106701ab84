import { decodeFromProvider, type FromProvider } from "@umbel/protocol";

/** A text frame that is not a message: why, and what it was about as far as that can be read. */
export interface UnreadableFrame {
  readonly kind: "unknown_type" | "malformed";
  readonly messageType: string | undefined;
  readonly requestId: string | undefined;
}

export type ControlFrame = { readonly kind: "message"; readonly message: FromProvider } | UnreadableFrame;

/** Decodes one text frame from a provider. */
export function readControlFrame(text: string): ControlFrame {
  const decoded = decodeFromProvider(text);
  if (decoded.ok) return { kind: "message", message: decoded.message };
  const { reason, messageType } = decoded;
  const isOfRequest = reason === "malformed" && messageType?.startsWith("inference_");
  return {
    kind: reason === "unknown_type" ? "unknown_type" : "malformed",
    messageType,
    requestId: isOfRequest ? requestIdOf(text) : undefined,
  };
}

/** Which request a message of known type is about, though something else in it is wrong. */
function requestIdOf(text: string): string | undefined {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("request_id" in value)) return undefined;
  return typeof value.request_id === "string" ? value.request_id : undefined;
}
