/** Does what a plan asks for. */
import { type Action, differs, type SecretKind } from '../plan/index.ts';
import { type ClusterObject, type KubeObject, namesOf, serverNames } from '../specs/index.ts';
import { ApiError, type ApiClient } from './client.ts';
import * as nodes from './members.ts';
import { addressOf } from './observe.ts';
import { resourceOf, RESOURCES } from './resources.ts';
import { authoritySecret, certificateSecret, keysSecret, rootPasswordSecret } from './secrets.ts';
import type { Store } from './store.ts';

export interface Actor {
  readonly client: ApiClient;
  readonly store: Store;
}

/** Rejects with ApiError, NodeError or the system's error; what was done stays. */
export async function act({ client, store }: Actor, cluster: ClusterObject, action: Action): Promise<void> {
  client.checkMayChange();
  const { name, namespace = '' } = cluster.metadata;
  const objects = store.of(namespace, name);
  const node = (pod: string): nodes.NodeAddress => {
    const address = addressOf(objects.get(`Pod/${pod}`), objects, name);
    if (!address) throw new nodes.NodeError('gone', `${pod} has no address any more`);
    return address;
  };
  switch (action.kind) {
    case 'apply':
      store.keep(await applyWhole(client, action.object));
      return;
    case 'make-secret':
      return makeSecret({ client, store }, cluster, action.secret);
    case 'delete-pod':
      return client.delete(RESOURCES.Pod, namespace, action.pod, action.uid);
    case 'delete': {
      const { kind, metadata } = action.object;
      return client.delete(resourceOf(kind), namespace, metadata.name, metadata.uid);
    }
    case 'grow-claim': {
      const patch = { spec: { resources: { requests: { storage: action.size } } } };
      store.keep(await client.mergePatch(RESOURCES.PersistentVolumeClaim, namespace, action.claim, patch));
      return;
    }
    case 'found':
      await nodes.found(node(action.pod));
      return;
    case 'join-elsewhere':
      await nodes.join(node(action.pod), await givenToken(client, cluster));
      return;
    case 'join':
      await nodes.join(node(action.pod), await nodes.joinToken(node(action.through)));
      return;
    case 'set-voters': {
      const { members, voter } = action;
      await nodes.runSql(node(action.through), 'SELECT p2pdb_set_voter(?, ?)', [members.join(','), voter ? 1 : 0]);
      return;
    }
    case 'remove-member':
      await nodes.runSql(node(action.through), 'SELECT p2pdb_remove_member(?)', [action.id]);
      return;
    case 'drain':
      await nodes.drain(node(action.pod), action.id);
      return;
    case 'leave':
      await nodes.leave(node(action.pod), action.id);
      return;
    case 'recover':
      await nodes.recover(node(action.pod), action.id, action.founder, action.leave);
      return;
    case 'set-global': {
      // Names of variables are the operator's own; values are settings that were checked.
      const value = typeof action.value === 'number' ? String(action.value) : `'${action.value.replace(/['\\]/g, '')}'`;
      await nodes.runSql(node(action.pod), `SET GLOBAL ${action.variable} = ${value}`);
      return;
    }
  }
}

/** It is somebody else's Secret, of which no copy is kept. */
async function givenToken(client: ApiClient, { spec, metadata }: ClusterObject): Promise<string> {
  const { name = '', key = '' } = spec.joinTokenSecret ?? {};
  const token = (await client.get(RESOURCES.Secret, metadata.namespace, name))?.data?.[key];
  if (token === undefined) throw new nodes.NodeError('no_token', `the Secret ${name} with the key ${key} is not there`);
  return Buffer.from(token, 'base64').toString('utf8').trim();
}

/**
 * Server-side apply leaves in lists what others put there. Where that is in the way of what shall be, the lists are replaced. What is
 * another thing even then, somebody changes as soon as it is written: that is tried less and less often.
 */
async function applyWhole(client: ApiClient, object: KubeObject): Promise<KubeObject> {
  const resource = resourceOf(object.kind);
  const { name, namespace } = object.metadata;
  try {
    const applied = await client.apply(resource, object);
    if (!differs(object, applied)) return applied;
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'Invalid') throw error;
    if (!(await client.get(resource, namespace, name))) throw error;
  }
  const { apiVersion: _, kind, metadata, ...rest } = object;
  const content = { ...rest, metadata: { labels: metadata.labels, annotations: metadata.annotations } };
  const patched = await client.mergePatch(resource, namespace, name, content);
  if (differs(object, patched))
    throw new ApiError(409, 'Contested', `${kind} ${name} is changed by somebody else all the time`);
  return patched;
}

async function makeSecret(actor: Actor, cluster: ClusterObject, which: SecretKind): Promise<void> {
  if (which !== 'certificate') {
    await createOnce(actor, which === 'keys' ? keysSecret(cluster) : rootPasswordSecret(cluster));
    return;
  }
  const { client, store } = actor;
  const { name, namespace = '' } = cluster.metadata;
  const { authority: ca } = namesOf(name);
  const now = Date.now();
  // Its content is in no copy.
  const isThere = store.of(namespace, name).has(`Secret/${ca}`);
  const there = isThere ? await client.get(RESOURCES.Secret, namespace, ca) : undefined;
  const authority = there ?? (await createOnce(actor, await authoritySecret(cluster, now)));
  const secret = await certificateSecret(cluster, authority, serverNames(cluster.metadata), now);
  store.keep(await client.apply(RESOURCES.Secret, secret));
}

/** What is there already stays: nodes may know it. */
async function createOnce({ client, store }: Actor, object: KubeObject): Promise<KubeObject> {
  const { name, namespace } = object.metadata;
  try {
    const made = await client.create(RESOURCES.Secret, object);
    store.keep(made);
    return made;
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
    const there = await client.get(RESOURCES.Secret, namespace, name);
    if (!there) throw error;
    store.keep(there);
    return there;
  }
}
