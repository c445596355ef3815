// What a credential is good for, within what its account may do: scopes, one environment, some paths.

/**
 * `metadata`: reads, but no values; every credential has it. `reveal`: values, too. `write`: secrets. `admin`: everything
 * else that changes: accounts, plans, applications, environments, shares, tokens.
 */
export const SCOPES = ['metadata', 'reveal', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Grant {
  readonly scopes: ReadonlySet<Scope>;
  /** The one environment it is good for; everything outside does not exist for it. Null: all that its account knows. */
  readonly environmentId: string | null;
  /** Canonical dotted paths; secrets that are neither at one nor below one do not exist for it. Null: all paths. */
  readonly pathPrefixes: readonly string[] | null;
}

/** An account-wide credential: whatever the account may. */
export const EVERYTHING: Grant = Object.freeze({ scopes: new Set(SCOPES), environmentId: null, pathPrefixes: null });

/** As a token's row tells it. */
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

/** Whether it is good for the account as a whole, and not for a part of it only. */
export function isAccountWide({ environmentId, pathPrefixes }: Grant): boolean {
  return environmentId === null && pathPrefixes === null;
}

/** Tells credentials apart that see different things of one environment; empty for those that see everything. */
export function grantTag({ scopes, pathPrefixes }: Grant): string {
  if (pathPrefixes === null && scopes.size === SCOPES.length) return '';
  return JSON.stringify([[...scopes].sort(), pathPrefixes && [...pathPrefixes].sort()]);
}
