// A proxy in front of a service that is right, which makes it wrong in one way.
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Passed {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Answered {
  status: number;
  contentType: string | undefined;
  headers: Record<string, string>;
  text: string;
}

/** Passes a request on to the service as it is given. */
export type Forward = (passed: Passed) => Promise<Answered>;

/** What the proxy answers to a request. */
export type Plant = (passed: Passed, forward: Forward) => Promise<Answered>;

export interface Proxy {
  url: URL;
  close(): Promise<void>;
}

export async function startProxy(target: URL, plant: Plant): Promise<Proxy> {
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    // Bytes that are not UTF-8 stay what they are in latin1.
    const body = Buffer.concat(chunks).toString('latin1');
    const { method = 'GET', url = '/', headers } = incoming;
    // Two of one header would otherwise be one.
    const twice = incoming.rawHeaders.filter((name) => name.toLowerCase() === 'authorization').length > 1;
    try {
      const passed = { method, path: url, headers: twice ? { ...headers, authorization: 'twice' } : headers, body };
      const answered = await plant(passed, (sent) => forward(target, sent));
      outgoing.writeHead(answered.status, {
        ...answered.headers,
        ...(answered.contentType === undefined ? {} : { 'content-type': answered.contentType }),
      });
      outgoing.end(answered.text);
    } catch {
      outgoing.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(target: URL, { method, path, headers, body }: Passed): Promise<Answered> {
  const { 'content-length': _, connection: __, ...kept } = headers;
  const bytes = Buffer.from(body, 'latin1');
  const length = headers['content-length'] === undefined ? {} : { 'content-length': bytes.length };
  const { hostname, port } = target;
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, method, path, headers: { ...kept, ...length } }, async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const shown: Record<string, string> = {};
      for (const name of ['etag', 'allow', 'location']) {
        const value = answer.headers[name];
        if (typeof value === 'string') shown[name] = value;
      }
      const text = Buffer.concat(chunks).toString('utf8');
      resolve({ status: answer.statusCode ?? 0, contentType: answer.headers['content-type'], headers: shown, text });
    });
    sent.on('error', reject);
    sent.end(bytes);
  });
}
