/**
 * Several real peers in one process, a discovery peer with them: sockets, Noise, yamux, protobuf and the overlay as they
 * are. For each span that it is sent, in ms, it keeps lookups under way at every peer for so long, and counts the messages
 * that the overlays take in. Peers are watched from outside, so that nothing in them is there for the measurement.
 */

import { join } from 'node:path';
import { seededRandom, randomBelow } from '../../src/base/random.ts';
import { silentLog } from '../../src/base/log.ts';
import { startDiscovery } from '../../src/discovery/discovery-server.ts';
import { IdSpace } from '../../src/id/id-space.ts';
import { OverlayNode } from '../../src/overlay/overlay-node.ts';
import { OverlayDriver } from '../../src/peer/overlay-driver.ts';
import { startPeer } from '../../src/peer/peer.ts';

export type OverlayAnswer = { readonly elapsedMs: number; readonly messages: number; readonly lookups: number };

const LISTEN = ['/ip4/127.0.0.1/tcp/0'];
const SEED = 1;
const [, , dir = '', peers = '', inFlight = ''] = process.argv;

let messages = 0;
const step = Reflect.get(OverlayNode.prototype, 'step');
OverlayNode.prototype.step = function (event, now) {
  if (event.type === 'message') messages++;
  return step.call(this, event, now);
};
const rings: OverlayDriver[] = [];
const start = Reflect.get(OverlayDriver.prototype, 'start');
OverlayDriver.prototype.start = function (seeds) {
  rings.push(this);
  return start.call(this, seeds);
};

const discovery = await startDiscovery({ dir: join(dir, 'overlay', 'discovery'), listen: LISTEN, log: silentLog });
for (let i = 0; i < Number(peers); i++) {
  const storage = join(dir, 'overlay', `peer-${i}`);
  await startPeer({ storage, discovery: discovery.addrs, listen: LISTEN, log: silentLog });
}
const space = new IdSpace(16);
const random = seededRandom(SEED);

async function lookUp(spanMs: number): Promise<OverlayAnswer> {
  const startedAt = performance.now();
  const before = messages;
  let lookups = 0;
  const worker = async (ring: OverlayDriver) => {
    for (; performance.now() - startedAt < spanMs; lookups++) {
      await ring.locate(space.position(randomBelow(random, space.size)));
    }
  };
  await Promise.all(rings.flatMap((ring) => Array.from({ length: Number(inFlight) }, () => worker(ring))));
  return { elapsedMs: performance.now() - startedAt, messages: messages - before, lookups };
}

process.on('message', (spanMs: number) => {
  void lookUp(spanMs).then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
