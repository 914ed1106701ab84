import type { Answer } from "../../inference/index.js";

/** Characters that a header's value may have (RFC 9110 §5.5), fewer than machines use to describe themselves. */
const UNFIT = /[^\x20-\x7e]/g;

/** Who served and how long each phase took. Source: api.md §17. */
export function answerHeaders(
  request: { readonly job: string; readonly parse_us: number; readonly notices: Readonly<Record<string, string>> },
  answer: Answer,
): Record<string, string> {
  return {
    ...answer.limitHeaders,
    ...request.notices,
    "X-Inference-Job-ID": request.job,
    "X-Provider-Id": answer.provider.publicId,
    // The pseudonym again: a machine's real serial number is its owner's affair.
    "X-Provider-Serial": answer.provider.publicId,
    "X-Provider-Encrypted": "true",
    "X-Provider-Attested": String(answer.provider.trustLevel !== "none"),
    "X-Provider-Trust-Level": answer.provider.trustLevel,
    "X-Provider-Chip": headerText(answer.provider.chip),
    "X-Provider-Model": headerText(answer.provider.platform),
    "X-Timing": JSON.stringify({ parse_us: request.parse_us, ...answer.timing }),
  };
}

function headerText(text: string): string {
  return text.replace(UNFIT, "?").trim();
}
