// The soak loads this file into the service with --import. It tells how much memory is used; at /collected, it collects
// garbage first.
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

// Garbage is collected twice, because the second collection frees what finalizers released after the first.
createServer((request, response) => {
  if (request.url === '/collected') {
    collect();
    collect();
  }
  response.end(JSON.stringify(process.memoryUsage()));
})
  .listen(process.env.SOAK_PROBE)
  .unref();
