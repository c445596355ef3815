// A process of its own that asks as a victim would, and watches the service's memory. Forked by stage.ts.
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { constants, setPriority } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A request that has no answer by then has failed, and counts as one that took so long. */
const PATIENCE_MS = 5_000;
const MEMORY_EVERY_MS = 50;

try {
  // What is measured is the service, and not how long this process waits for a processor.
  setPriority(constants.priority.PRIORITY_HIGH);
} catch {
  // Only root may.
}

process.on('disconnect', () => process.exit());

process.once('message', ({ url, pid, everyMs, killAboveMb, targets }) => {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const loops = Object.entries(targets).map(([name, target]) => [name, ask(url, target, everyMs)]);
  const memory = watchMemory(pid, killAboveMb);
  process.send({ ready: true });
  process.once('message', async () => {
    const measured = {};
    for (const [name, loop] of loops) measured[name] = await loop.stop();
    process.send({ measured, memory: memory.stop(), ownDelayMs: Math.round(delay.max / 1e6) });
    process.disconnect();
  });
});

/** Asks again and again on one connection. */
function ask(url, { path, token }, everyMs) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const latencies = [];
  const failures = {};
  let isOver = false;

  function once() {
    return new Promise((resolve) => {
      const fail = (reason) => {
        failures[reason] = (failures[reason] ?? 0) + 1;
        resolve(reason);
      };
      const request = get(`${url}${path}`, { agent, headers, timeout: PATIENCE_MS }, (response) => {
        response.on('data', () => undefined);
        response.on('end', () => (response.statusCode === 200 ? resolve() : fail(`status ${response.statusCode}`)));
        response.on('error', (error) => fail(error.code ?? error.message));
      });
      const late = setTimeout(() => request.destroy(new Error('no answer in time')), PATIENCE_MS);
      request.on('close', () => clearTimeout(late));
      request.on('error', (error) => fail(error.code ?? error.message));
    });
  }

  async function run() {
    while (!isOver) {
      const began = performance.now();
      const failed = await once();
      const took = performance.now() - began;
      latencies.push(failed ? Math.max(took, PATIENCE_MS) : took);
      // What would have been asked meanwhile would have waited, too: a long wait is more than one slow answer of many.
      for (let rest = took - everyMs; rest > everyMs; rest -= everyMs) latencies.push(rest);
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, everyMs - took)));
    }
    agent.destroy();
  }
  const running = run();

  return {
    async stop() {
      isOver = true;
      await running;
      const sorted = latencies.sort((one, other) => one - other);
      const at = (share) =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] * 10) / 10;
      return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), failures };
    },
  };
}

/** The resident set, in MB; a process that takes far too much has failed, and is ended before the machine is. */
function watchMemory(pid, killAboveMb) {
  let peak = 0;
  let isKilled = false;
  let before = 0;
  const began = performance.now();
  const waitedBefore = waitedMs(pid) ?? 0;
  let waited = waitedBefore;
  const look = () => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      const mb = (name) => Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024);
      // A zombie has none.
      if (mb('VmRSS') === 0) throw new Error('gone');
      before ||= mb('VmRSS');
      peak = Math.max(peak, mb('VmHWM'));
      waited = waitedMs(pid) ?? waited;
      if (mb('VmRSS') > killAboveMb && !isKilled) {
        isKilled = true;
        process.kill(pid, 'SIGKILL');
      }
    } catch {
      // It is no more.
    }
  };
  look();
  const timer = setInterval(look, MEMORY_EVERY_MS);
  return {
    stop() {
      look();
      clearInterval(timer);
      const waitedPercent = Math.round((100 * (waited - waitedBefore)) / (performance.now() - began));
      return { beforeMb: before, peakMb: peak, waitedPercent, isKilled };
    },
  };
}

/** How long a process's main thread has been ready to run, and others have had the processor. */
function waitedMs(pid) {
  const [, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
  return waited === undefined ? undefined : Number(waited) / 1e6;
}
