// What a worker tells the primary of its metrics, over the channel that Node has between them.
import type { MetricObjectWithValues, MetricValue, Registry } from 'prom-client';

export type Snapshot = MetricObjectWithValues<MetricValue<string>>[];

/** From the primary to a worker. */
export interface MetricsQuestion {
  metricsOf: number;
}

/** From a worker to the primary. */
export interface MetricsReport {
  metricsOf: number;
  metrics: Snapshot;
}

/** Answers the primary. */
export function answerMetrics(registry: Registry): void {
  process.on('message', (message: Partial<MetricsQuestion>) => {
    const { metricsOf } = message;
    if (metricsOf === undefined) return;
    registry.getMetricsAsJSON().then(
      (metrics) => process.send?.({ metricsOf, metrics } as MetricsReport),
      // The primary does without.
      () => {},
    );
  });
}
