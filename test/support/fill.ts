// Writes many rows at once without the APIs, for limits that would take a thousand requests to reach.
import type { TestApp } from './app.js';

export function fillTokens(app: TestApp, accountId: string, count: number, expiresAt = 'null'): Promise<void> {
  return app.services.db.script(`
    insert into tokens (id, account_id, name, token_hash, created_at, expires_at)
    select gen_random_uuid(), '${accountId}', 'filler', sha256(gen_random_uuid()::text::bytea), now(), ${expiresAt}
    from generate_series(1, ${count})`);
}

export function fillApplications(app: TestApp, accountId: string, count: number): Promise<void> {
  return app.services.db.script(`
    insert into applications (id, account_id, name, created_at)
    select gen_random_uuid(), '${accountId}', 'filler' || n, now() from generate_series(1, ${count}) as n`);
}

export function fillShares(app: TestApp, environmentId: string, count: number): Promise<void> {
  return app.services.db.script(`
    with strangers as (
      insert into accounts (id, name, roles, plan_id, created_at)
      select gen_random_uuid(), gen_random_uuid()::text, '{}', (select id from plans where name = 'default'), now()
      from generate_series(1, ${count}) returning id
    )
    insert into environment_shares (id, environment_id, account_id, roles, created_at, updated_at)
    select gen_random_uuid(), '${environmentId}', id, '{viewer}', now(), now() from strangers`);
}
