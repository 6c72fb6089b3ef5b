import { namesOf } from './names.ts';

/** Names by which clients and members reach the nodes. */
export function serverNames({
  name,
  namespace = 'default',
}: {
  readonly name: string;
  readonly namespace?: string;
}): string[] {
  const { client, peers } = namesOf(name);
  const forms = (host: string): string[] => [
    `${host}.${namespace}`,
    `${host}.${namespace}.svc`,
    `${host}.${namespace}.svc.cluster.local`,
  ];
  return ['localhost', client, ...forms(client), ...forms(`*.${peers}`)];
}
