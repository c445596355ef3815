// When a new token expires: never later than the token that makes it, and only on request later than a login.
import { forbidden, invalidRequest } from '../../errors/refusals.js';

export interface TokenExpiryInput {
  /** Absent: when the credential ends that makes it. */
  expiresAt?: Date | null | undefined;
  /** Whether a login makes a token that lives on behind its own end. It has no effect on a token that makes another. */
  outlivesLogin?: boolean | null | undefined;
}

/**
 * The expiry of a token that the given credential makes; null means never. A login lasts minutes, so a token that
 * outlives it has to be asked for: by a time, or by `outlivesLogin`. Throws AUTH_FORBIDDEN, INVALID_REQUEST.
 */
export function expiryOfNewToken(
  { expiresAt = null, outlivesLogin }: TokenExpiryInput,
  maker: { isLogin: boolean; expiresAt: Date | null },
): Date | null {
  const isLater = maker.expiresAt !== null && expiresAt !== null && expiresAt > maker.expiresAt;
  if (!maker.isLogin) {
    if (isLater) throw forbidden('A token cannot end later than the token that makes it');
    return expiresAt ?? maker.expiresAt;
  }
  if (outlivesLogin === false && isLater) {
    throw invalidRequest('expiresAt: expected a time before the login ends, because outlivesLogin is false');
  }
  return expiresAt ?? (outlivesLogin ? null : maker.expiresAt);
}
