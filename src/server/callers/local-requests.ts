// Recognizes requests from a browser on this machine. Only these get the development token without a credential.

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const PROXY_HEADER = /^(x-forwarded-.*|forwarded|x-real-ip|via)$/;

/**
 * Only a page that a browser on this machine opens itself may contain the development token. The Host header must be a
 * local name, because a foreign name can point to this machine (DNS rebinding). Headers of proxies must be absent,
 * because a proxy on this machine may forward requests from anybody.
 */
export function isLocal({ headers }: Request): boolean {
  return LOCAL_HOST.test(headers.get('host') ?? '') && ![...headers.keys()].some((name) => PROXY_HEADER.test(name));
}
