import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import type { OverlayEffect } from '../../src/overlay/events.ts';
import { OverlayNode } from '../../src/overlay/overlay-node.ts';
import { DEFAULT_OVERLAY_PARAMETERS } from '../../src/overlay/parameters.ts';
import { contactOf } from './helpers.ts';

const KEY = 200 as NodeId;

const newNode = (id: number): OverlayNode =>
  new OverlayNode(contactOf(id), DEFAULT_OVERLAY_PARAMETERS, seededRandom(id));

const types = (effects: readonly OverlayEffect[]): string[] =>
  effects.map((effect) => (effect.type === 'send' ? effect.message.type : effect.type));

/** Hands over what one node sends to the other. */
function carry(effects: readonly OverlayEffect[], from: OverlayNode, to: OverlayNode, now: number): OverlayEffect[] {
  return effects.flatMap((effect) =>
    effect.type === 'send' && effect.to.nodeId === to.self.nodeId
      ? to.step({ type: 'message', from: from.self, message: effect.message }, now)
      : [],
  );
}

/** A node that was alone, and a newcomer that is closer to the key and has just probed it; the reply is on its way. */
function probedNode() {
  const node = newNode(100);
  const newcomer = newNode(KEY);
  node.step({ type: 'start', seeds: [] }, 0);
  const joins = newcomer.step({ type: 'start', seeds: [node.self] }, 0);
  const probes = carry(carry(joins, newcomer, node, 1), node, newcomer, 2);
  const first = probes.filter((effect) => effect.type === 'send' && effect.message.type === 'probe').slice(0, 1);
  const reply = carry(first, newcomer, node, 3);
  expect(types(reply)).toContain('probe-reply');
  return { node, newcomer, reply };
}

describe('a closer newcomer at the door', () => {
  it('is not answered for, and gets the lookup once it has proven itself', () => {
    const { node, newcomer, reply } = probedNode();
    expect(node.isRoot(KEY)).toBe(false);
    expect(types(node.step({ type: 'lookup', key: KEY, lookupId: 1 }, 4))).not.toContain('found');
    const proof = carry(reply, node, newcomer, 5);
    expect(types(carry(proof, newcomer, node, 6))).toContain('lookup');
  });

  it('is not waited for any more after it has failed to more than once, however often it writes', () => {
    const { node, newcomer } = probedNode();
    let now = 4;
    const waits: boolean[] = [];
    for (let written = 0; written < 4; written++) {
      const probe = {
        type: 'probe',
        messageId: 9,
        exchange: false,
        active: true,
        nearer: false,
        contacts: [],
        dead: [],
      } as const;
      node.step({ type: 'message', from: newcomer.self, message: probe }, now);
      waits.push(!node.isRoot(KEY));
      while (now < 20_000 * (written + 1)) node.step({ type: 'tick' }, (now = Math.max(now + 1, node.nextDeadline())));
    }
    expect(waits).toEqual([true, true, false, false]);
  });

  it('is answered for once it has failed to', () => {
    const { node } = probedNode();
    node.step({ type: 'lookup', key: KEY, lookupId: 1 }, 4);
    const seen: string[] = [];
    for (let now = node.nextDeadline(); now < 5_000 && !seen.includes('found'); now = node.nextDeadline()) {
      seen.push(...types(node.step({ type: 'tick' }, now)));
    }
    expect(seen).toContain('found');
    expect(node.isRoot(KEY)).toBe(true);
  });
});
