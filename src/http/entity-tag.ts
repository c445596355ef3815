// Entity tags in requests.

/**
 * Whether `If-None-Match` names the tag: `*`, or a list with it. Weak comparison, as RFC 9110 requires: proxies that
 * compress responses make their tags weak.
 */
export function matchesTag(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
