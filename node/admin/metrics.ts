/** The metrics page: the node's figures in Prometheus' form, in a registry of their own. */
import { collectDefaultMetrics, type Metric, type MetricObject, type MetricValue, Registry } from 'prom-client';
import type { Figures } from '../server/index.ts';
import { familiesOf, type MysqlFigures } from './definitions.ts';
import type { AdminPorts, Family } from './ports.ts';

/** The page's text, and its content type. */
export interface MetricsPage {
  readonly contentType: string;
  render(): Promise<string>;
}

export function metricsPage(ports: AdminPorts): MetricsPage {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'p2pdb_' });
  const known = new Map<string, Family>();
  const register = (family: Family): void => {
    if (!known.has(family.name)) {
      // Figures are kept where they arise, as plain numbers: a metric here only reads them.
      const { name, help, type } = family;
      const metric = { name, help, type, get: () => Promise.resolve(toMetric(known.get(name) as Family)) };
      registry.registerMetric(metric as unknown as Metric);
    }
    known.set(family.name, family);
  };
  return {
    contentType: registry.contentType,
    render() {
      for (const family of familiesOf(mysqlFigures(ports.server, ports.engine.maxConnections))) register(family);
      for (const family of ports.figures()) register(family);
      return registry.metrics();
    },
  };
}

function toMetric(family: Family): MetricObject & { values: MetricValue<string>[] } {
  const values: (MetricValue<string> & { metricName?: string })[] = [];
  if (family.type === 'histogram') {
    for (const { labels = {}, histogram } of family.samples) {
      let total = 0;
      histogram.bounds.forEach((bound, i) => {
        total += histogram.counts[i] ?? 0;
        values.push({ labels: { ...labels, le: String(bound) }, value: total, metricName: `${family.name}_bucket` });
      });
      total += histogram.counts[histogram.bounds.length] ?? 0;
      values.push({ labels: { ...labels, le: '+Inf' }, value: total, metricName: `${family.name}_bucket` });
      values.push({ labels, value: histogram.sum, metricName: `${family.name}_sum` });
      values.push({ labels, value: total, metricName: `${family.name}_count` });
    }
  } else {
    for (const { labels = {}, value } of family.samples) values.push({ labels, value });
  }
  return { name: family.name, help: family.help, type: family.type, aggregator: 'sum', values } as never;
}

const mysqlFigures = (figures: Figures, connectionsMax: number): MysqlFigures => ({
  p2pdb_mysql_connections: figures.connections,
  p2pdb_mysql_connections_max: connectionsMax,
  p2pdb_mysql_connections_accepted_total: figures.accepted,
  p2pdb_mysql_connections_refused_total: figures.refused,
  p2pdb_mysql_connections_aborted_total: figures.abortedClients,
  p2pdb_mysql_logins_denied_total: figures.deniedLogins,
  p2pdb_mysql_logins_aborted_total: figures.abortedConnects,
  p2pdb_mysql_malformed_packets_total: figures.malformedPackets,
  p2pdb_mysql_received_bytes_total: figures.bytesReceived,
  p2pdb_mysql_sent_bytes_total: figures.bytesSent,
  p2pdb_mysql_commands_total: [
    { labels: { command: 'query' }, value: figures.queries },
    { labels: { command: 'execute' }, value: figures.executions },
    { labels: { command: 'prepare' }, value: figures.preparations },
    { labels: { command: 'other' }, value: figures.otherCommands },
  ],
});
