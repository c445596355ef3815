// The verifier of logins, loaded with the first login: a service that sees none starts sooner without it.
import type { OidcConfig } from '../config/oidc.js';
import type { LoginVerifier } from '../domain/access/login.js';

export function loginVerifier(oidc: OidcConfig): LoginVerifier {
  let verifier: Promise<LoginVerifier> | undefined;
  return async (jwt) => {
    verifier ??= import('./login-verifier.js').then(({ createLoginVerifier }) => createLoginVerifier(oidc));
    return (await verifier)(jwt);
  };
}
