// Loaded into the service with --import for the soak: collects garbage when it is asked to, and says what is left.
import { createServer } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

// Twice: what finalizers have let go of in the first goes in the second.
createServer((_, response) => {
  collect();
  collect();
  response.end(JSON.stringify(process.memoryUsage()));
})
  .listen(process.env.SOAK_PROBE)
  .unref();
