import type { Route } from "../route.js";
import { openApiDocument } from "./document.js";
import { apiPage } from "./page.js";

const CACHE_CONTROL = "public, max-age=300";

/** The API's description, for programs and for people. @param routes everything that the server answers */
export function openApiRoutes(routes: readonly Route[], version: string): readonly Route[] {
  const document = openApiDocument(routes, version);
  const page = apiPage(document);
  return [
    {
      method: "GET",
      url: "/openapi.json",
      access: "public",
      handle: async (_request, reply) => reply.header("Cache-Control", CACHE_CONTROL).send(document),
    },
    {
      method: "GET",
      url: "/docs",
      access: "public",
      handle: async (_request, reply) =>
        reply
          .header("Cache-Control", CACHE_CONTROL)
          .header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
          .type("text/html; charset=utf-8")
          .send(page),
    },
  ];
}
