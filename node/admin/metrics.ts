/** The metrics page: the node's figures in Prometheus' form, in a registry of their own. */
import { collectDefaultMetrics, type Metric, type MetricObject, type MetricValue, Registry } from 'prom-client';
import type { Figures } from '../server/index.ts';
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
      for (const family of serverFamilies(ports.server)) register(family);
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

function serverFamilies(figures: Figures): Family[] {
  const one = (type: 'counter' | 'gauge', name: string, help: string, value: number): Family => ({
    type,
    name: `p2pdb_mysql_${name}`,
    help,
    samples: [{ value }],
  });
  return [
    one('gauge', 'connections', 'MySQL connections open now.', figures.connections),
    one('counter', 'connections_accepted_total', 'MySQL connections accepted.', figures.accepted),
    one('counter', 'connections_refused_total', 'Connections refused by max_connections.', figures.refused),
    one('counter', 'logins_denied_total', 'Logins with a wrong user or password.', figures.deniedLogins),
    one('counter', 'connections_aborted_total', 'Connections lost without a good-bye.', figures.abortedClients),
    one('counter', 'logins_aborted_total', 'Connections lost before the login was done.', figures.abortedConnects),
    one('counter', 'malformed_packets_total', 'Packets that broke the protocol.', figures.malformedPackets),
    one('counter', 'received_bytes_total', 'Bytes received from clients.', figures.bytesReceived),
    one('counter', 'sent_bytes_total', 'Bytes sent to clients.', figures.bytesSent),
    {
      type: 'counter',
      name: 'p2pdb_mysql_commands_total',
      help: 'Commands of the MySQL protocol.',
      samples: [
        { labels: { command: 'query' }, value: figures.queries },
        { labels: { command: 'execute' }, value: figures.executions },
        { labels: { command: 'prepare' }, value: figures.preparations },
        { labels: { command: 'other' }, value: figures.otherCommands },
      ],
    },
  ];
}
