/** Entry of the network's thread. */
import { parentPort } from 'node:worker_threads';
import { NetworkHost } from './host.ts';
import { transferables, type Command } from './messages.ts';

const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');
const host = new NetworkHost((reports) => port.postMessage(reports, transferables(reports)));
port.on('message', (commands: readonly Command[]) => host.receive(commands));
