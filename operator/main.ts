/** p2pdb operator: keeps clusters, databases and users what their manifests say. */
import { createServer, type Server } from 'node:http';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { Operator, type OperatorOptions } from './kube/index.ts';

export const OPERATOR_HELP = `p2pdb operator [OPTION…]

      --namespace NS        looks after this namespace only (all)
      --image IMAGE         image of clusters whose manifest names none
      --metrics HOST:PORT   where health and metrics are served (0.0.0.0:8080)
      --dry-run             says what it would do, and does nothing

Finds the API server by KUBECONFIG, ~/.kube/config or the service account of its pod. Several may run: the one that holds the Lease
p2pdb-operator of its namespace (POD_NAMESPACE) works.
`;

/** What the program gives to it. */
export interface OperatorPorts {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly out: { write(text: string): unknown };
  readonly err: { write(text: string): unknown };
  readonly log: OperatorOptions['log'];
}

/** Serves until a signal comes. Gives the exit code. */
export async function runOperator(argv: readonly string[], ports: OperatorPorts): Promise<number> {
  let values: ReturnType<typeof readOptions>;
  try {
    values = readOptions(argv);
  } catch (error) {
    ports.err.write(`p2pdb operator: ${(error as Error).message}\n`);
    return 2;
  }
  if (values.help === true) {
    ports.out.write(OPERATOR_HELP);
    return 0;
  }
  const [host, port] = hostPort(values.metrics);
  if (port === undefined) {
    ports.err.write(`p2pdb operator: --metrics takes HOST:PORT, not ${values.metrics}\n`);
    return 2;
  }
  const { env, version, log } = ports;
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const operator = new Operator({
    version,
    image: values.image ?? env['P2PDB_IMAGE'] ?? `p2pdb:${version}`,
    namespace: values.namespace,
    home: env['POD_NAMESPACE'] ?? 'default',
    identity: env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
    isDryRun: values['dry-run'] === true,
    log,
  });
  const server = serve(operator, host, port);
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  try {
    // An operator that lost its Lease knows less than the one that has it: it begins anew, in a new process.
    return (await operator.run(stop.signal)) === 'stopped' ? 0 : 1;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const readOptions = (argv: readonly string[]) =>
  parseArgs({
    args: [...argv],
    options: {
      namespace: { type: 'string' },
      image: { type: 'string' },
      metrics: { type: 'string', default: '0.0.0.0:8080' },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;

function hostPort(text: string): [host: string, port: number | undefined] {
  const [, host = '', digits] = /^(.*):([0-9]{1,5})$/.exec(text) ?? [];
  return [host.replace(/^\[|\]$/g, '') || '0.0.0.0', digits === undefined ? undefined : Number(digits)];
}

function serve(operator: Operator, host: string, port: number): Server {
  const server = createServer((request, response) => {
    const say = (status: number, text: string, type = 'text/plain'): void => {
      response.writeHead(status, { 'content-type': type }).end(text);
    };
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return say(operator.sickness === undefined ? 200 : 500, operator.sickness ?? 'ok');
      case '/readyz':
        return say(operator.isReady ? 200 : 503, operator.isReady ? 'ok' : 'not ready');
      case '/metrics':
        operator.metricsText().then(
          ({ type, text }) => say(200, text, type),
          () => say(500, 'the figures cannot be had'),
        );
        return;
      default:
        return say(404, 'there is nothing here');
    }
  });
  return server.listen(port, host);
}
