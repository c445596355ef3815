// Backups of a database, and restores of them while the service goes on running on it: what a failover does that has lost
// the last writes, and what an operator does who restores in place.
import type { Database } from '../../src/store/engine/client.js';

/** Keeps what all tables hold now; `restore` brings it back, in one transaction. */
export async function takeBackup(db: Database): Promise<{ restore(): Promise<void> }> {
  await db.script(
    forEachTable(`execute format('create table backup.%I as table %I.%I', name, place, name);`, [
      'drop schema if exists backup cascade;',
      'create schema backup;',
    ]),
  );
  return {
    restore: () =>
      db.script(
        forEachTable(`execute format('insert into %I.%I select * from backup.%I', place, name, name);`, [
          // Foreign keys are not checked: the tables come back in any order.
          `perform set_config('session_replication_role', 'replica', true);`,
          `execute (select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables where schemaname = current_schema());`,
        ]),
      ),
  };
}

function forEachTable(work: string, first: readonly string[]): string {
  return `do $$
    declare place name; name name;
    begin
      ${first.join('\n')}
      for place, name in select schemaname, tablename from pg_tables where schemaname = current_schema() loop
        ${work}
      end loop;
    end $$`;
}
