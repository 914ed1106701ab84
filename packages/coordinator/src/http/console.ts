import { existsSync } from "node:fs";
import path from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import type { People } from "../accounts/index.js";
import { asked } from "./asked.js";
import { endpointNotFound } from "./errors.js";

const HEADERS = {
  "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

/** Paths that the page tells apart itself. Machines are linked at the first one, whose address they show. */
export const LINK_PAGE = "/link";
const PAGES = [
  ...[LINK_PAGE, "/sign-in", "/sign-up", "/forgot", "/reset-password", "/settings", "/keys"],
  ...["/billing", "/usage", "/earnings", "/invites", "/account", "/admin"],
];
/** Where the first account is made; there while there is none. */
const SETUP_PAGE = "/setup";

/** Serves the web console's built files, if they are there: a console is built apart from the coordinator, which works without one. */
export function serveConsole(app: FastifyInstance, directory: string | undefined, people: Pick<People, "isEmpty">): void {
  if (directory === undefined || !existsSync(directory)) return;
  app.register(async (scope) => {
    await scope.register(fastifyStatic, {
      root: path.resolve(directory),
      // One route a file that exists now: every other path stays unknown.
      wildcard: false,
      cacheControl: false,
      setHeaders(response, file) {
        for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
        // Bundlers put a hash of the content into the names of assets, so these never change.
        const isHashed = path.basename(path.dirname(file)) === "assets";
        response.setHeader("Cache-Control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
      },
    });
    for (const page of PAGES) scope.get(page, (_request, reply) => reply.sendFile("index.html"));
    scope.get(SETUP_PAGE, async (request, reply) => {
      if (await asked(people.isEmpty())) return reply.sendFile("index.html");
      throw endpointNotFound(request.method, SETUP_PAGE);
    });
  });
}
