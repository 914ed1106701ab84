import type { ChatMessage, ContentPart } from "../canonical/chat-request.js";
import { inlineImage } from "../canonical/inline-image.js";
import { type ParameterPath, parameterError } from "../request-body.js";
import { OPENAI_LIMITS } from "./limits.js";

/** @param path of the URI in the request's body. @throws ApiError 400 for an image that is not inline. */
export function lowerImage(uri: string, path: ParameterPath): ContentPart {
  const part = inlineImage(uri);
  switch (part) {
    case "remote":
      throw parameterError(path, ": expected an inline data: URI; images are never fetched", "remote_media_not_supported");
    case "media_type":
      throw parameterError(path, ": expected a data: URI of image/png, image/jpeg, image/webp or image/gif");
    case "encoding":
      throw parameterError(path, ": expected a data: URI with standard base64 data");
    default:
      return part;
  }
}

/** @param param the parameter that holds the messages. @throws ApiError 400 above the limit of images. */
export function refuseTooManyImages(messages: readonly ChatMessage[], param: string): void {
  const images = messages.reduce((sum, { content }) => sum + content.filter(({ type }) => type === "image").length, 0);
  if (images > OPENAI_LIMITS.images_max) {
    throw parameterError([param], `: expected at most ${OPENAI_LIMITS.images_max} images, got ${images}`);
  }
}
