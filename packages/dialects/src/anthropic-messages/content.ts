import type { ContentPart } from "../canonical/chat-request.js";
import { inlineImage } from "../canonical/inline-image.js";
import { type ParameterPath, parameterError } from "../request-body.js";
import type { WireDocument, WireImage, WireShownBlock } from "./content-schema.js";

/** Text that is there: an empty block says nothing, and templates would still make room for it. */
export function textPart(text: string): ContentPart[] {
  return text === "" ? [] : [{ type: "text", text }];
}

/** Lowers what a user or a tool shows: text, images, and documents as their text. @throws ApiError 400 for what would have to be fetched. */
export function lowerShown(block: WireShownBlock, path: ParameterPath): ContentPart[] {
  switch (block.type) {
    case "text":
      return textPart(block.text);
    case "image":
      return [lowerImage(block, path)];
    case "document":
      return lowerDocument(block, path);
    case "search_result":
      return textPart([block.title, block.source, ...block.content.map(({ text }) => text)].join("\n"));
  }
}

function lowerImage({ source }: WireImage, path: ParameterPath): ContentPart {
  if (source.type !== "base64") throw remote([...path, "source"], "images are");
  const part = inlineImage(`data:${source.media_type};base64,${source.data}`);
  switch (part) {
    case "remote":
    case "media_type":
      throw parameterError([...path, "source", "media_type"], ": expected image/png, image/jpeg, image/webp or image/gif");
    case "encoding":
      throw parameterError([...path, "source", "data"], ": expected standard base64 data");
    default:
      return part;
  }
}

function lowerDocument({ source, title, context }: WireDocument, path: ParameterPath): ContentPart[] {
  if (source.type === "url" || source.type === "file") throw remote([...path, "source"], "documents are");
  const heading = [title, context].filter((line) => line != null && line !== "").map((line) => `${line}\n`);
  const body = source.type === "text" ? source.data : source.content;
  if (typeof body === "string") return textPart(heading.join("") + body);
  const parts = body.flatMap((block, index) => lowerShown(block, [...path, "source", "content", index]));
  return [...textPart(heading.join("")), ...parts];
}

function remote(path: ParameterPath, what: string) {
  return parameterError(path, `: expected inline data; ${what} never fetched`, "remote_media_not_supported");
}
