// Requests that a browser on this machine makes itself: only these may use what development offers without asking.

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;
const OF_PROXIES = /^(x-forwarded-.*|forwarded|x-real-ip|via)$/;

/**
 * Only a page that a browser on this machine opens itself may be handed the development token: a foreign name may lead
 * here by DNS rebinding, and behind a proxy on this machine anybody may sit.
 */
export function isLocal({ headers }: Request): boolean {
  return LOCAL_HOST.test(headers.get('host') ?? '') && ![...headers.keys()].some((name) => OF_PROXIES.test(name));
}
