import type { Socket } from "node:net";
import { CONTROL_LIMITS } from "./limits.js";

/** The first line that comes, without its end. @throws Error when the other side closes before, says too much, or takes too long */
export function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const end = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(CONTROL_LIMITS.answer_ms, () => end(new Error("nothing was said in time")));
    socket.on("error", end);
    socket.on("close", () => end(new Error("the connection ended before anything was said")));
    socket.on("data", (data: string) => {
      text += data;
      const at = text.indexOf("\n");
      if (at >= 0) resolve(text.slice(0, at));
      else if (text.length > CONTROL_LIMITS.line_bytes_max) end(new Error("too much was said"));
    });
  });
}
