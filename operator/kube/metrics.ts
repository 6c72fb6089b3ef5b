/** The operator's figures, under the names that dashboards for controllers know, and its own. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

export class OperatorMetrics {
  readonly registry = new Registry();
  readonly reconciles = this.counter(
    'controller_runtime_reconcile_total',
    'Reconciliations, by controller and result.',
    ['controller', 'result'],
  );
  readonly reconcileErrors = this.counter('controller_runtime_reconcile_errors_total', 'Reconciliations that failed.', [
    'controller',
  ]);
  readonly reconcileSeconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of reconciliations.',
    labelNames: ['controller'],
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60],
    registers: [this.registry],
  });
  readonly depth = this.gauge('workqueue_depth', 'Objects that wait to be reconciled.', ['name']);
  readonly active = this.gauge('controller_runtime_active_workers', 'Reconciliations that run.', ['controller']);
  readonly retries = this.counter('workqueue_retries_total', 'Objects that are reconciled again after a failure.', [
    'name',
  ]);
  readonly writes = this.gauge(
    'p2pdb_operator_api_writes_total',
    'Requests to the API server that change something.',
    [],
  );
  readonly actions = this.counter('p2pdb_operator_actions_total', 'What was done to clusters, by kind.', ['kind']);
  readonly watchErrors = this.counter('p2pdb_operator_watch_errors_total', 'Watches that broke.', ['kind']);
  readonly leading = this.gauge('leader_election_master_status', 'Whether this operator is the one that works.', [
    'name',
  ]);
  readonly condition = this.gauge('p2pdb_operator_cluster_condition', 'Conditions of clusters: 1 where they hold.', [
    'namespace',
    'cluster',
    'type',
  ]);
  readonly lag = this.gauge('p2pdb_operator_cluster_lag_entries', 'Entries that the slowest member is behind.', [
    'namespace',
    'cluster',
  ]);
  readonly inSync = this.gauge('p2pdb_operator_cluster_members_in_sync', 'Members in sync.', ['namespace', 'cluster']);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  private counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
