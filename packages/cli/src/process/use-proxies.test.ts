import { mkdtemp, writeFile } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import os from "node:os";
import path from "node:path";
import { getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { proxiesOfHome } from "./proxies-of-home.js";
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

describe("what the provider of a home says of proxies", () => {
  const env = { HTTPS_PROXY: "http://shell.example" };
  const homeWith = async (text: string) => {
    const home = await mkdtemp(path.join(os.tmpdir(), "umbel-proxies-"));
    await writeFile(path.join(home, "provider.toml"), text);
    return { home };
  };

  it("holds for every command, its variables before its file", async () => {
    const file = '[network]\nproxy = "http://file.example"\nno_proxy = "a.example"\n';
    const ofFile = { https_proxy: "http://file.example", http_proxy: "http://file.example", no_proxy: "a.example" };
    const { home } = await homeWith(file);
    expect(await proxiesOfHome({ home }, env)).toEqual({ ...env, ...ofFile });
    expect(await proxiesOfHome({ config: path.join(home, "provider.toml") }, env)).toMatchObject(ofFile);
    const said = { ...env, UMBEL_PROVIDER_PROXY: "http://variable.example" };
    expect(await proxiesOfHome({ home }, said)).toMatchObject({ https_proxy: "http://variable.example", no_proxy: "a.example" });
  });

  it.each(["", '[coordinator]\nurl = "https://c.example"', "[network\nproxy", '[network]\nproxy = "ftp://x"'])(
    "is nothing where it says none, or not rightly: %j",
    async (text) => expect(await proxiesOfHome(await homeWith(text), env)).toEqual(env),
  );

  it("is nothing where there is no file", async () => expect(await proxiesOfHome({ home: "/nowhere" }, env)).toBe(env));
});
