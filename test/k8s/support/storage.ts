/** Volumes: claims of the default StorageClass become folders of the machine. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ControlPlane } from './control-plane.ts';
import type { Daemons } from './daemons.ts';
import { program } from './machine.ts';
import { BUSYBOX } from './node.ts';

const NAMESPACE = 'local-path-storage';

export async function startProvisioner(daemons: Daemons, plane: ControlPlane, folder: string): Promise<void> {
  const config = path.join(folder, 'storage.json');
  const paths = [path.join(folder, 'volumes')];
  await writeFile(config, JSON.stringify({ nodePathMap: [{ node: 'DEFAULT_PATH_FOR_NON_LISTED_NODES', paths }] }));
  daemons.start(
    'provisioner',
    [
      program('local-path-provisioner'),
      'start',
      '--kubeconfig',
      plane.kubeconfig,
      '--config',
      config,
      '--namespace',
      NAMESPACE,
      '--helper-image',
      BUSYBOX,
      '--configmap-name',
      'local-path-config',
    ],
    { POD_NAMESPACE: NAMESPACE },
  );
}

/** What the provisioner needs: it makes and removes each folder by a pod. */
export const STORAGE_OBJECTS = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'local-path-provisioner-service-account', namespace: NAMESPACE },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local-path', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'rancher.io/local-path',
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'local-path-config', namespace: NAMESPACE },
    data: {
      'helperPod.yaml': JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'helper-pod' },
        spec: { containers: [{ name: 'helper-pod', image: BUSYBOX, imagePullPolicy: 'Never' }] },
      }),
      setup: '#!/bin/sh\nmkdir -m 0777 -p "$VOL_DIR"\n',
      teardown: '#!/bin/sh\nrm -rf "$VOL_DIR"\n',
    },
  },
];
