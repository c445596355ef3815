// Loads the login verifier with the first login, so that a service without such logins starts faster.
import type { OidcConfig } from '../../config/oidc.js';
import type { LoginVerifier } from '../../domain/access/login.js';

export function loginVerifier(oidc: OidcConfig): LoginVerifier {
  let verifier: Promise<LoginVerifier> | undefined;
  return async (jwt) => {
    verifier ??= import('./login-verifier.js').then(({ createLoginVerifier }) => createLoginVerifier(oidc));
    return (await verifier)(jwt);
  };
}
