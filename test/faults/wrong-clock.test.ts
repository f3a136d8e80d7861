/** Clocks that are wrong by an hour, at the peer and at the writers: versions are counters, so no order depends on them. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { fetched, startLonePeer } from './harness/lone-peer.ts';
import { describeFaults } from './harness/machine.ts';

const HOUR_MS = 3_600_000;
const CLOCK = pathToFileURL(join(import.meta.dirname, 'harness/shift-clock.ts')).href;

function clock(shiftMs: number): Record<string, string> {
  return { NODE_OPTIONS: `--import=${CLOCK}`, SHIFT_CLOCK_MS: String(shiftMs) };
}

describeFaults('a clock that is wrong by an hour', [], () => {
  it.each([
    ['fast', HOUR_MS],
    ['slow', -HOUR_MS],
  ])('and %s at the peer, and either at the writers, leaves the later store the newer one', async (_how, shiftMs) => {
    const { network, peer } = await startLonePeer('clock', { env: clock(shiftMs) });
    try {
      // The peer's log bears its time: the clock is wrong indeed.
      const logged = Date.parse(/^\S+/.exec(peer.log)?.[0] ?? '');
      expect(Math.abs(logged - Date.now() - shiftMs)).toBeLessThan(HOUR_MS / 2);
      for (const [content, clientShiftMs] of [
        ['one', HOUR_MS],
        ['two', -HOUR_MS],
        ['three', 0],
      ] as const) {
        const env = clock(clientShiftMs);
        await network.succeed('store-file', ['--as', 'name', '-'], { stdin: content, env });
        expect((await fetched(network, 'name')).toString()).toBe(content);
      }
      await peer.kill();
      await peer.start();
      expect((await fetched(network, 'name')).toString()).toBe('three');
    } finally {
      await network.close();
    }
  });
});
