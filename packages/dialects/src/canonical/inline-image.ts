import type { ContentPart } from "./chat-request.js";

type ImagePart = Extract<ContentPart, { type: "image" }>;

/** Why an image reference is not usable: not inline at all, inline but of another media type, or not base64. */
type InlineImageProblem = "remote" | "media_type" | "encoding";

/** Aliases that clients send, beside the four media types themselves. */
const MEDIA_TYPES: Readonly<Record<string, ImagePart["mediaType"]>> = {
  "image/png": "image/png",
  "image/jpeg": "image/jpeg",
  "image/jpg": "image/jpeg",
  "image/webp": "image/webp",
  "image/gif": "image/gif",
};

/** Reads `data:<media type>;base64,<data>` (RFC 2397). Nothing is ever fetched. */
export function inlineImage(uri: string): ImagePart | InlineImageProblem {
  if (!/^data:/i.test(uri)) return "remote";
  const comma = uri.indexOf(",");
  const header = uri.slice("data:".length, comma === -1 ? undefined : comma).toLowerCase();
  const mediaType = MEDIA_TYPES[header.split(";", 1).join()];
  if (mediaType === undefined) return "media_type";
  const base64 = uri.slice(comma + 1);
  if (comma === -1 || !header.endsWith(";base64") || !isBase64(base64)) return "encoding";
  return { type: "image", mediaType, base64 };
}

/** Looks for one wrong character: a pattern that matches the whole text would need backtracking room for megabytes. */
function isBase64(text: string): boolean {
  if (text.length === 0 || text.length % 4 !== 0) return false;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return !/[^A-Za-z0-9+/]/.test(text.slice(0, text.length - padding));
}
