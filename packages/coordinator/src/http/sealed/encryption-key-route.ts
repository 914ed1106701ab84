import { encryptionKeyDocument } from "@umbel/protocol";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";

/** The key to which a consumer seals. Source: api.md §19. */
export function encryptionKeyRoute({ sealing }: Pick<HttpDependencies, "sealing">): Route {
  return {
    method: "GET",
    url: "/v1/encryption-key",
    access: "public",
    doc: {
      tag: "Service",
      summary: "Keys of sealed mode",
      description: "The key to which request bodies can be sealed, and all that are accepted, the current one first.",
      answer: encryptionKeyDocument,
      errors: [503],
    },
    async handle(_request, reply) {
      const { document, maxAge_s } = await sealing.document();
      reply.header("Cache-Control", `public, max-age=${maxAge_s}`);
      return document;
    },
  };
}
