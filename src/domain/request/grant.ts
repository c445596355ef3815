// What a credential allows within the permissions of its account: its scopes, and optionally only one environment or
// only some paths.

/**
 * `metadata`: read everything except values; every credential has this scope. `reveal`: read values, too. `write`:
 * write secrets. `admin`: change everything else, that is accounts, plans, applications, environments, shares and
 * tokens.
 */
export const SCOPES = ['metadata', 'reveal', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Grant {
  readonly scopes: ReadonlySet<Scope>;
  /**
   * The only environment that the credential may access; everything else does not exist for it. Null: all environments
   * that its account may access.
   */
  readonly environmentId: string | null;
  /**
   * Canonical dotted paths. Secrets that are neither at nor below one of them do not exist for the credential. Null:
   * all paths.
   */
  readonly pathPrefixes: readonly string[] | null;
}

/** The grant of an account-wide credential: everything that the account may do. */
export const EVERYTHING: Grant = Object.freeze({ scopes: new Set(SCOPES), environmentId: null, pathPrefixes: null });

/** The grant that is stored in a token's row. */
export function grantFrom(row: {
  scopes: string[] | null;
  environmentId: string | null;
  pathPrefixes: string[] | null;
}): Grant {
  if (row.scopes === null && row.environmentId === null && row.pathPrefixes === null) return EVERYTHING;
  const { environmentId, pathPrefixes } = row;
  const scopes = row.scopes === null ? EVERYTHING.scopes : new Set(row.scopes.filter(isScope));
  return { scopes, environmentId, pathPrefixes };
}

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** Whether a secret at this path exists for the credential. */
export function coversPath({ pathPrefixes }: Grant, path: string): boolean {
  return pathPrefixes === null || pathPrefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}.`));
}

export function coversEnvironment(grant: Grant, environmentId: string): boolean {
  return grant.environmentId === null || grant.environmentId === environmentId;
}

/** Whether the credential covers the account as a whole, not only a part of it. */
export function isAccountWide({ environmentId, pathPrefixes }: Grant): boolean {
  return environmentId === null && pathPrefixes === null;
}

/**
 * A text that differs between credentials which see different parts of an environment; empty for credentials that see
 * all of it.
 */
export function grantTag({ scopes, pathPrefixes }: Grant): string {
  if (pathPrefixes === null && scopes.size === SCOPES.length) return '';
  return JSON.stringify([[...scopes].sort(), pathPrefixes && [...pathPrefixes].sort()]);
}
