import { ApiError } from "@umbel/dialects";
import type { HttpDependencies } from "../dependencies.js";
import type { Route } from "../route.js";
import { isLocalOnly } from "../sign-in/index.js";
import { INSTALL_SCRIPTS, installScript } from "./install-script.js";

/** Scripts that install the provider program. Source: ops.md §12.3, catalog.md §22. */
export function installRoutes({ settings, releaseSigners }: Pick<HttpDependencies, "settings" | "releaseSigners">): readonly Route[] {
  return INSTALL_SCRIPTS.map((name) => ({
    method: "GET",
    url: `/${name}`,
    access: "public",
    async handle(request, reply) {
      if (releaseSigners === undefined) throw notOffered("it was not told whose releases it offers (UMBEL_RELEASE_SIGNERS)");
      // A request's own word for where it came from would write its author's address into the script.
      const origin =
        settings.publicUrl ?? (isLocalOnly(settings) ? `http://127.0.0.1:${request.socket.localPort ?? settings.port}` : undefined);
      if (origin === undefined) throw notOffered("it was not told where it is reached (UMBEL_PUBLIC_URL)");
      return reply
        .header("Cache-Control", "no-cache")
        .type("text/plain; charset=utf-8")
        .send(installScript(name, origin, releaseSigners));
    },
  }));
}

function notOffered(why: string): ApiError {
  return new ApiError({ status: 404, code: "not_found", message: `this coordinator offers no installer: ${why}` });
}
