// Loads the login verifier with the first login, so that the service starts faster and one without logins never loads
// it.
import type { OidcConfig } from '../config/oidc.js';
import type { LoginVerifier } from '../domain/access/login.js';

export function loginVerifier(oidc: OidcConfig): LoginVerifier {
  let verifier: Promise<LoginVerifier> | undefined;
  return async (jwt) => {
    verifier ??= import('./login-verifier.js').then(({ createLoginVerifier }) => createLoginVerifier(oidc));
    return (await verifier)(jwt);
  };
}
