// Loaded into the service with --import for the soak: says how much memory is used; after a collection at /collected.
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

// Twice: what finalizers have let go of in the first goes in the second.
createServer((request, response) => {
  if (request.url === '/collected') {
    collect();
    collect();
  }
  response.end(JSON.stringify(process.memoryUsage()));
})
  .listen(process.env.SOAK_PROBE)
  .unref();
