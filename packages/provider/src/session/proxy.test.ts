import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { proxyFor, tunnelAgent } from "./proxy.js";

const both = { HTTPS_PROXY: "http://proxy.example:3128", HTTP_PROXY: "plain.example:3128" };

describe("the way to an address", () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ["https://a.example", {}, undefined],
    ["https://a.example", both, "http://proxy.example:3128"],
    ["wss://a.example", both, "http://proxy.example:3128"],
    ["http://a.example", both, "http://plain.example:3128"],
    ["ws://a.example:8080", { HTTPS_PROXY: "http://proxy.example" }, undefined],
    ["https://a.example", { https_proxy: "http://small.example", HTTPS_PROXY: "http://large.example" }, "http://small.example"],
    ["https://a.example", { ...both, NO_PROXY: "other.example,a.example" }, undefined],
    ["https://a.example", { ...both, no_proxy: ".example" }, undefined],
    ["https://a.example", { ...both, NO_PROXY: "*.example" }, undefined],
    ["https://a.example", { ...both, NO_PROXY: "*" }, undefined],
    ["https://a.example", { ...both, NO_PROXY: "example.com, b.example" }, "http://proxy.example:3128"],
    ["https://ba.example", { ...both, NO_PROXY: "a.example" }, "http://proxy.example:3128"],
    ["https://a.example", { ...both, NO_PROXY: "a.example:8443" }, "http://proxy.example:3128"],
    ["https://a.example:8443", { ...both, NO_PROXY: "a.example:8443" }, undefined],
    ["https://localhost:1", both, undefined],
    ["http://127.0.0.1:1", both, undefined],
    ["ws://[::1]:1", both, undefined],
    ["https://a.example", { HTTPS_PROXY: "socks5://proxy.example" }, undefined],
  ])("to %s with %j is %s", (address, variables, proxy) => expect(proxyFor(address, variables)).toBe(proxy));
});

describe("a tunnel", () => {
  const opened: { close(): void }[] = [];
  afterEach(() => {
    for (const one of opened.splice(0)) one.close();
  });

  /** A proxy, and what it was asked for. */
  async function startProxy(answer: (socket: Socket) => void) {
    const asked: { readonly path: string | undefined; readonly authorization: string | undefined }[] = [];
    const server = http.createServer();
    const sockets = new Set<Socket>();
    server.on("connect", ({ url, headers }, socket: Socket) => {
      sockets.add(socket);
      asked.push({ path: url, authorization: headers["proxy-authorization"] });
      answer(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    opened.push({
      close: () => {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    });
    return { asked, port: (server.address() as AddressInfo).port };
  }

  const outcome = (url: string, proxy: string) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url, { agent: tunnelAgent(proxy), handshakeTimeout: 5_000 });
      socket.on("error", (error: Error & { code?: string }) => resolve(error.code ?? error.message));
      socket.on("open", () => resolve("open"));
    });

  it("is asked of the proxy with its credentials, and speaks TLS with whom it leads to", async () => {
    const plain = http.createServer();
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    opened.push(plain);
    const { asked, port } = await startProxy((socket) => {
      const target = connect((plain.address() as AddressInfo).port, "127.0.0.1");
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(target).pipe(socket);
    });
    // Whoever answers in plain text is not whom a wss address names.
    expect(await outcome("wss://coordinator.example/x", `http://me:pass%20word@127.0.0.1:${port}`)).toMatch(/SSL|EPROTO|ECONN/);
    expect(asked).toEqual([{ path: "coordinator.example:443", authorization: `Basic ${Buffer.from("me:pass word").toString("base64")}` }]);
  });

  it("fails with the proxy's refusal", async () => {
    const { port } = await startProxy((socket) => socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    expect(await outcome("wss://coordinator.example/x", `http://127.0.0.1:${port}`)).toBe("PROXY_REFUSED");
  });
});
