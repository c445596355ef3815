// This file is loaded into every measured server with --import. It does nothing until the parent process asks for a profile,
// for the longest time for which the event loop was blocked, or for the memory in use.
import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export type ProbeRequest =
  | { ask: 'startProfile' }
  | { ask: 'stopProfile'; file: string }
  | { ask: 'startDelays' }
  | { ask: 'stopDelays' }
  | { ask: 'collectGarbage' };
export interface ProbeReply {
  problem?: string;
  /** The answer to `stopDelays` has milliseconds. */
  longestDelay?: number;
  /** The answer to `collectGarbage` has the bytes in V8's heap and outside of it. */
  inUse?: number;
}

const SAMPLE_EVERY_MICROS = 500;
/** Shorter delays are not seen, and this is the precision of the longest delay. */
const DELAY_RESOLUTION_MS = 1;

let session: Session | undefined;
let delays: IntervalHistogram | undefined;

async function obey(request: ProbeRequest): Promise<ProbeReply> {
  switch (request.ask) {
    case 'startProfile':
      session ??= new Session();
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_EVERY_MICROS });
      await session.post('Profiler.start');
      return {};
    case 'stopProfile': {
      const stopped = await session?.post('Profiler.stop');
      session?.disconnect();
      await writeFile(request.file, JSON.stringify(stopped?.profile));
      return {};
    }
    case 'startDelays':
      delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
      delays.enable();
      return {};
    case 'stopDelays':
      delays?.disable();
      return { longestDelay: (delays?.max ?? Number.NaN) / 1e6 };
    case 'collectGarbage': {
      setFlagsFromString('--expose-gc');
      const collect = runInNewContext('gc') as () => void;
      // The second collection frees what the first one has left to finalizers.
      collect();
      await new Promise((resolve) => setImmediate(resolve));
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return { inUse: heapUsed + external };
    }
  }
}

process.on('message', (request) => {
  obey(request as ProbeRequest).then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ problem: String(error) } satisfies ProbeReply),
  );
});
// No measured process may outlive the run.
process.once('disconnect', () => process.exit());
