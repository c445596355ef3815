// A replacement for an OIDC issuer with a discovery document, published keys, signed logins, and simulated failures.
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { OidcConfig } from '../../../src/config/oidc.js';
import { closed, listening } from '../rest/app.js';

export const AUDIENCE = 'agent-secrets';
/** Only this issuer knows this header. */
export const CRITICAL = 'https://example.com/critical';

export interface SigningKey {
  alg: string;
  kid: string;
  privateKey: CryptoKey;
  publicJwk: JWK;
}

export interface Issuer {
  url: string;
  jwksUrl: string;
  /** These paths were requested so far. */
  requests: string[];
  /** This key signs unless a login names another one. */
  key: SigningKey;
  /** These keys are published, and tests may change them. */
  published: JWK[];
  /** Creates a key, publishes it, and signs with it from now on. */
  addKey(alg?: string): Promise<SigningKey>;
  /** Signs a login of five minutes for this audience. Claims that are undefined are left out. */
  sign(claims: JWTPayload, options?: { key?: SigningKey; header?: Record<string, unknown> }): Promise<string>;
  /** Answers every request with this status. With undefined, it answers as usual. */
  answerWith(status: number | undefined): void;
  /** Adds these members to the discovery document. */
  discovery: Record<string, unknown>;
  close(): Promise<void>;
}

export const seconds = (fromNow = 0) => Math.floor(Date.now() / 1_000) + fromNow;

export async function newKey(alg: string, kid: string = randomUUID()): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Returns a configuration that accepts the logins of this issuer. */
export function oidcConfig(issuer: Issuer, more: Partial<OidcConfig> = {}): { oidc: OidcConfig } {
  return {
    oidc: {
      issuer: issuer.url,
      audience: AUDIENCE,
      jwksUrl: undefined,
      accountClaim: 'sub',
      scopesClaim: undefined,
      clockTolerance: 30,
      ...more,
    },
  };
}

export async function startIssuer(): Promise<Issuer> {
  let status: number | undefined;
  const server: Server = createServer((request, response) => {
    issuer.requests.push(request.url as string);
    const { url, jwksUrl, discovery, published } = issuer;
    const bodies: Record<string, object> = {
      '/.well-known/openid-configuration': { issuer: url, jwks_uri: jwksUrl, ...discovery },
      '/keys': { keys: published },
    };
    const body = bodies[request.url as string];
    response.writeHead(status ?? (body ? 200 : 404), { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(status === undefined ? (body ?? {}) : {}));
  });
  await listening(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const first = await newKey('ES256');
  const issuer: Issuer = {
    url,
    jwksUrl: `${url}/keys`,
    requests: [],
    key: first,
    published: [first.publicJwk],
    discovery: {},
    async addKey(alg = 'ES256') {
      issuer.key = await newKey(alg);
      issuer.published.push(issuer.key.publicJwk);
      return issuer.key;
    },
    sign(claims, { key = issuer.key, header = {} } = {}) {
      const all = { iss: url, aud: AUDIENCE, iat: seconds(), exp: seconds(300), jti: randomUUID(), ...claims };
      const { alg, kid } = key;
      return new SignJWT(JSON.parse(JSON.stringify(all)))
        .setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
        .sign(key.privateKey, { crit: { [CRITICAL]: true } });
    },
    answerWith(other) {
      status = other;
    },
    close: () => closed(server),
  };
  return issuer;
}
