// PostGraphile as its authors would put it into production, over the floor's tables: no GraphiQL, no explain, no watching.
// Runs under the newer Node that it needs: the `node` of this folder's own package.json.
import { createServer } from 'node:http';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';

/** In the environment variable PEER, as JSON. */
const { databaseUrl, poolSize } = JSON.parse(process.env.PEER);

const graphile = postgraphile({
  extends: [PostGraphileAmberPreset],
  // Global ids are not asked for. Whatever may be sorted by is told to it by no index that it understands: ours are partial.
  disablePlugins: ['NodePlugin', 'PgIndexBehaviorsPlugin'],
  pgServices: [
    makePgService({
      connectionString: databaseUrl,
      schemas: ['floor'],
      pubsub: false,
      poolConfig: { min: poolSize, max: poolSize },
    }),
  ],
  grafast: { explain: false },
  grafserv: { graphqlPath: '/graphql', graphiql: false, websockets: false, watch: false, outputDataAsString: true },
});

const server = createServer();
await graphile.createServ(grafserv).addTo(server);
await graphile.getSchema();
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
