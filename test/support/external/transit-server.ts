// A replacement for the Transit engine of Vault and OpenBao, based on their API documentation. It has versions, rotation,
// minimum versions, associated data, and the documented errors. It really encrypts (AES-256-GCM).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closed, listening } from '../rest/app.js';

export interface TransitServer {
  url: string;
  /** This token may only encrypt and decrypt. */
  token: string;
  /** This token may do everything. It is for the operator's calls. */
  rootToken: string;
  requests: { method: string; path: string; headers: IncomingMessage['headers']; body: any }[];
  /** Makes the operator's calls, which are `keys/NAME`, `keys/NAME/rotate` and `keys/NAME/config`. */
  admin(path: string, body?: object): Promise<void>;
  /** Replaces the next `times` answers. With `hang`, they never arrive. */
  disturb(trouble: number | 'hang', times: number, headers?: Record<string, string>): void;
  /** Seals or unseals the engine. While it is sealed, every answer is 503. */
  seal(sealed: boolean): void;
  /** Loses a key, as a deletion does. Returns a function that brings it back. */
  forget(name: string): () => void;
  revoke(token: string): void;
  allow(token: string): void;
  close(): Promise<void>;
}

interface Key {
  versions: Buffer[];
  minDecryption: number;
  minEncryption: number;
}

interface Options {
  mount?: string;
  namespace?: string;
  /** Ignores associated data, as engines did before they supported it. */
  ignoresAssociatedData?: boolean;
}

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message?: string) {
    super(message ?? '');
    this.status = status;
  }
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export async function startTransitServer(options: Options = {}): Promise<TransitServer> {
  const { mount = 'transit', namespace, ignoresAssociatedData = false } = options;
  const keys = new Map<string, Key>();
  const token = `hvs.${randomBytes(12).toString('hex')}`;
  const rootToken = `hvs.root-${randomBytes(12).toString('hex')}`;
  const tokens = new Set([token]);
  const requests: TransitServer['requests'] = [];
  let disturbances: { trouble: number | 'hang'; headers: Record<string, string> }[] = [];
  let sealed = false;

  function encrypt(key: Key | undefined, body: any): object {
    if (!key) throw new Refused(400, 'encryption key not found');
    if (typeof body.plaintext !== 'string') throw new Refused(400, 'missing plaintext to encrypt');
    const latest = key.versions.length;
    const version: number = body.key_version || latest;
    if (version > latest)
      throw new Refused(400, 'requested version for encryption is higher than the latest key version');
    if (version < (key.minEncryption || key.minDecryption)) {
      throw new Refused(400, 'requested version for encryption is less than the minimum encryption key version');
    }
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key.versions[version - 1] as Buffer, nonce);
    if (!ignoresAssociatedData) cipher.setAAD(Buffer.from(body.associated_data ?? '', 'base64'));
    const sealedBytes = Buffer.concat([
      nonce,
      cipher.update(Buffer.from(body.plaintext, 'base64')),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return { ciphertext: `vault:v${version}:${sealedBytes.toString('base64')}`, key_version: version };
  }

  function decrypt(key: Key | undefined, body: any): object {
    if (!key) throw new Refused(400, 'encryption key not found');
    if (!body.ciphertext) throw new Refused(400, 'missing ciphertext to decrypt');
    const [, digits, encoded = ''] = /^vault:v(\d+):(.*)$/.exec(body.ciphertext) ?? [];
    if (digits === undefined) throw new Refused(400, 'invalid ciphertext: no prefix');
    const version = Number(digits);
    if (version > key.versions.length) throw new Refused(400, 'invalid ciphertext: version is too new');
    if (version < key.minDecryption) {
      throw new Refused(400, 'ciphertext or signature version is disallowed by policy (too old)');
    }
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Refused(400, 'invalid ciphertext length');
    const decipher = createDecipheriv(
      'aes-256-gcm',
      key.versions[version - 1] as Buffer,
      bytes.subarray(0, NONCE_BYTES),
    );
    if (!ignoresAssociatedData) decipher.setAAD(Buffer.from(body.associated_data ?? '', 'base64'));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plaintext = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      throw new Refused(400, 'cipher: message authentication failed');
    }
    return { plaintext: plaintext.toString('base64') };
  }

  function manage(name: string, action: string | undefined, body: any): object {
    if (action === undefined) {
      if (!keys.has(name)) keys.set(name, { versions: [randomBytes(32)], minDecryption: 1, minEncryption: 0 });
      return {};
    }
    const key = keys.get(name);
    if (!key) throw new Refused(400, `no existing key named ${name} could be found`);
    if (action === 'rotate') key.versions.push(randomBytes(32));
    if (action === 'config') {
      key.minDecryption = body.min_decryption_version ?? key.minDecryption;
      key.minEncryption = body.min_encryption_version ?? key.minEncryption;
    }
    return {};
  }

  function answer(headers: IncomingMessage['headers'], path: string, body: any): object {
    if (sealed) throw new Refused(503, 'Vault is sealed');
    const isRoot = headers['x-vault-token'] === rootToken;
    if (!isRoot && !tokens.has(String(headers['x-vault-token']))) throw new Refused(403, 'permission denied');
    const [, verb, name = '', action] =
      new RegExp(`^/v1/${mount}/(encrypt|decrypt|keys)/([\\w.-]+)(?:/(rotate|config))?$`).exec(path) ?? [];
    if (verb === undefined || headers['x-vault-namespace'] !== namespace) {
      throw new Refused(404, `no handler for route "${path.slice(4)}". route entry not found.`);
    }
    if (verb === 'encrypt') return encrypt(keys.get(name), body);
    if (verb === 'decrypt') return decrypt(keys.get(name), body);
    if (!isRoot) throw new Refused(403, 'permission denied');
    return manage(name, action, body);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const body = text === '' ? {} : JSON.parse(text);
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers, body });
    const disturbance = disturbances.shift();
    if (disturbance?.trouble === 'hang') return;
    const send = (status: number, json: object, more = {}) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...more }).end(JSON.stringify(json));
    if (disturbance) return send(disturbance.trouble as number, { errors: ['internal error'] }, disturbance.headers);
    try {
      if (method !== 'POST' && method !== 'PUT') throw new Refused(405, 'unsupported operation');
      send(200, { request_id: randomBytes(8).toString('hex'), lease_id: '', data: answer(headers, path, body) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      send(error.status, { errors: error.message === '' ? [] : [error.message] });
    }
  }

  const server: Server = await listening(createServer((request, response) => void handle(request, response)));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    token,
    rootToken,
    requests,
    async admin(path, body = {}) {
      const headers = {
        'x-vault-token': rootToken,
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
      };
      const response = await fetch(`${url}/v1/${mount}/${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(await response.text());
    },
    disturb(trouble, times, headers = {}) {
      disturbances = Array.from({ length: times }, () => ({ trouble, headers }));
    },
    seal(now) {
      sealed = now;
    },
    forget(name) {
      const key = keys.get(name);
      keys.delete(name);
      return () => void (key && keys.set(name, key));
    },
    revoke: (revoked) => void tokens.delete(revoked),
    allow: (allowed) => void tokens.add(allowed),
    close: () => closed(server),
  };
}
