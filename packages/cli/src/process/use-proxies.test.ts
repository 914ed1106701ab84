import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { proxyVariables, useProxies } from "./use-proxies.js";

const before = getGlobalDispatcher();
const closers: (() => void)[] = [];
afterEach(() => {
  setGlobalDispatcher(before);
  for (const close of closers.splice(0)) close();
});

async function listen(server: http.Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

describe("what this process fetches", () => {
  it("goes through the proxy that is named, but for this machine and what is exempt", async () => {
    const port = await listen(http.createServer((_request, response) => response.end("here")));
    const asked: string[] = [];
    const proxy = http.createServer();
    proxy.on("connect", ({ url }, socket: Socket) => {
      asked.push(url ?? "");
      const target = connect(port, "127.0.0.1");
      closers.push(() => target.destroy());
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(target).pipe(socket);
    });
    await useProxies({ HTTP_PROXY: `http://127.0.0.1:${await listen(proxy)}`, NO_PROXY: "exempt.invalid" });
    expect(await (await fetch("http://models.invalid/x")).text()).toBe("here");
    expect(await (await fetch(`http://127.0.0.1:${port}/x`)).text()).toBe("here");
    await expect(fetch("http://exempt.invalid/x")).rejects.toThrow();
    expect(asked).toEqual(["models.invalid:80"]);
  });

  it("stays as it is where none is named", async () => {
    await useProxies({ NO_PROXY: "*", HTTPS_PROXY: "" });
    expect(getGlobalDispatcher()).toBe(before);
  });
});

it("lets settings count before the shell's variables", () => {
  const env = { HTTPS_PROXY: "http://shell.example", NO_PROXY: "a.example" };
  expect(proxyVariables({}, env)).toEqual(env);
  expect(proxyVariables({ proxy: "http://file.example", noProxy: "b.example" }, env)).toMatchObject({
    ...{ https_proxy: "http://file.example", http_proxy: "http://file.example", no_proxy: "b.example" },
  });
});
