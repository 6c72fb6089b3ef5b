// A real Kubernetes to try things out on, until Ctrl-C:
//   node bin/run.mjs test/k8s/support/main.ts [IMAGE-ARCHIVE…]
// It says how to run commands on it.
import { missing } from './machine.ts';
import { startKubernetes } from './kubernetes.ts';

const reason = await missing('node');
if (reason !== undefined) {
  console.error(`No Kubernetes here: ${reason}`);
  process.exit(1);
}
const start = performance.now();
const kube = await startKubernetes();
for (const archive of process.argv.slice(2)) await kube.load(archive);
console.log(`Ready after ${((performance.now() - start) / 1000).toFixed(1)} s. Ctrl-C ends it. From another shell:`);
console.log(`  export KUBECONFIG=${kube.kubeconfig}`);
console.log(`  nsenter --net=/var/run/netns/p2pdb-kube-${process.pid} kubectl get pods -A`);
const open = setInterval(() => undefined, 1 << 30);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(open);
    void kube.stop();
  });
}
