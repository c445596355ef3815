// The metrics of all workers as one answer. The primary asks each of them.
import { AggregatorRegistry } from 'prom-client';
import type { MetricsQuestion, MetricsReport, Snapshot } from './metrics-answer.js';

interface Asked {
  readonly isConnected: () => boolean;
  send(question: MetricsQuestion, done: (error: Error | null) => void): unknown;
}

/** A worker that does not answer within this time is left out: the gauge of processes tells it. */
const ANSWER_WITHIN_MS = 3_000;

/** What the primary knows of its workers' metrics. */
export class WorkerMetrics {
  #question = 0;
  readonly #waiting = new Map<number, (report: MetricsReport) => void>();
  readonly #last = new Map<Asked, Snapshot>();
  /** What workers that have ended have counted: a sum that fell would look like a restart of the service. */
  #ended: Snapshot = [];

  async read(workers: Iterable<Asked>): Promise<string> {
    const snapshots = await Promise.all(
      [...workers].map(async (worker) => {
        const snapshot = await this.#ask(worker);
        if (snapshot) this.#last.set(worker, snapshot);
        return snapshot ?? countersIn(this.#last.get(worker) ?? []);
      }),
    );
    return AggregatorRegistry.aggregate([...snapshots, this.#ended]).metrics();
  }

  receive(report: MetricsReport): void {
    this.#waiting.get(report.metricsOf)?.(report);
  }

  forget(worker: Asked): void {
    const last = this.#last.get(worker);
    if (!last) return;
    this.#last.delete(worker);
    const sums = AggregatorRegistry.aggregate([this.#ended, countersIn(last)]);
    sums.getMetricsAsJSON().then((ended) => {
      this.#ended = ended as Snapshot;
    });
  }

  #ask(worker: Asked): Promise<Snapshot | undefined> {
    this.#question += 1;
    const metricsOf = this.#question;
    return new Promise<Snapshot | undefined>((resolve) => {
      const timer = setTimeout(settle, ANSWER_WITHIN_MS, undefined);
      function settle(snapshot: Snapshot | undefined): void {
        clearTimeout(timer);
        resolve(snapshot);
      }
      this.#waiting.set(metricsOf, ({ metrics }) => settle(metrics));
      if (worker.isConnected()) worker.send({ metricsOf }, (error) => error && settle(undefined));
      else settle(undefined);
    }).finally(() => this.#waiting.delete(metricsOf));
  }
}

/** Without gauges: they say what is now. */
function countersIn(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => ['counter', 'histogram'].includes(String(type)));
}
