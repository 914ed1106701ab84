import { connect } from "node:net";

export interface RawAnswer {
  /** The header block, status line included. */
  readonly head: string;
  readonly body: string;
  /** Reads from the socket, none of more than one byte. */
  readonly reads: number;
}

/**
 * Posts JSON and takes the answer off its socket one byte at a time, to the end of the connection. Speaks HTTP/1.0, in which a body is not cut
 * into chunks.
 */
export function postReadingBytes(url: string, body: object, apiKey: string): Promise<RawAnswer> {
  const { hostname, port, pathname } = new URL(url);
  const json = Buffer.from(JSON.stringify(body));
  const head = [
    `POST ${pathname} HTTP/1.0`,
    `Host: ${hostname}`,
    `Authorization: Bearer ${apiKey}`,
    "Content-Type: application/json",
    `Content-Length: ${json.length}`,
  ];
  return new Promise((resolve, reject) => {
    const received: number[] = [];
    const onread = {
      buffer: Buffer.alloc(1),
      callback(_length: number, buffer: Uint8Array): boolean {
        received.push(...buffer.subarray(0, 1));
        return true;
      },
    };
    const socket = connect({ host: hostname, port: Number(port), onread });
    socket.on("error", reject);
    socket.on("close", () => {
      const text = Buffer.from(received).toString();
      const end = text.indexOf("\r\n\r\n");
      resolve({ head: text.slice(0, end), body: text.slice(end + 4), reads: received.length });
    });
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    socket.write(json);
  });
}
