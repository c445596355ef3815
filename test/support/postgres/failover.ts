// A primary Postgres with a streaming standby, the service's tables in it, and an address that a failover moves.
import postgres from 'postgres';
import { until } from '../../server/process/client.js';
import type { Cluster } from './cluster.js';
import { type Network, networkTo } from './network.js';
import { startOwnCluster } from './server.js';
import { prepareTemplate } from './template.js';

export interface FailoverPair {
  primary: Cluster;
  standby: Cluster;
  /** The address of the database. It leads to the primary at first. */
  network: Network;
  /** Runs SQL text on the server itself, not through the network. */
  run(on: 'primary' | 'standby', text: string): Promise<postgres.Row[]>;
  /** Makes the old primary read-only without ending its sessions, and makes the standby the primary. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

const OPTIONS = { durable: false, sharedBuffers: '32MB' };

export async function startFailoverPair(): Promise<FailoverPair> {
  const clusters: Cluster[] = [];
  const sessions: postgres.Sql[] = [];
  let network: Network | undefined;
  async function stop(): Promise<void> {
    await Promise.all(sessions.map((sql) => sql.end({ timeout: 1 })));
    network?.close();
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  }
  try {
    const { cluster: primary } = await startOwnCluster(OPTIONS);
    clusters.push(primary);
    await prepareTemplate(primary.url);
    const { cluster: standby } = await startOwnCluster({ ...OPTIONS, primary });
    clusters.push(standby);
    const road = await networkTo(primary.url);
    network = road;
    const open = ({ url }: Cluster) => {
      const session = postgres(url, { max: 1, onnotice: () => {} });
      sessions.push(session);
      return session;
    };
    const sql = { primary: open(primary), standby: open(standby) };
    const run: FailoverPair['run'] = (on, text) => sql[on].unsafe(text);
    return {
      primary,
      standby,
      network: road,
      run,
      async failOver() {
        await run('primary', 'alter system set default_transaction_read_only = on');
        await run('primary', 'select pg_reload_conf()');
        const position = (await run('primary', 'select pg_current_wal_flush_lsn() as at'))[0]?.at;
        await until('the standby has everything', async () => {
          const [row] = await run('standby', `select pg_last_wal_replay_lsn() >= '${position}' as has`);
          return row?.has === true;
        });
        await run('standby', 'select pg_promote()');
        road.leadTo(standby.url);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
