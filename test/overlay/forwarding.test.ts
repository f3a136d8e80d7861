import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { NodeId } from '../../src/id/id-space.ts';
import type { OverlayEffect } from '../../src/overlay/events.ts';
import type { LookupMessage, OverlayMessage } from '../../src/overlay/messages.ts';
import { OverlayNode } from '../../src/overlay/overlay-node.ts';
import { DEFAULT_OVERLAY_PARAMETERS } from '../../src/overlay/parameters.ts';
import { contactOf } from './helpers.ts';

const origin = contactOf(900);
const previousHop = contactOf(800);
const lookup: LookupMessage = {
  type: 'lookup',
  messageId: 5,
  requestId: 6,
  key: 100 as NodeId,
  origin,
  path: [origin.nodeId, previousHop.nodeId],
};

/** A node that is the root of everything, and hears of others only through lookups. */
function root() {
  const node = new OverlayNode(contactOf(100), DEFAULT_OVERLAY_PARAMETERS, seededRandom(1));
  node.step({ type: 'start', seeds: [] }, 0);
  const sent = (effects: readonly OverlayEffect[], type: OverlayMessage['type']) =>
    effects.flatMap((effect) => (effect.type === 'send' && effect.message.type === type ? [effect] : []));
  const hears = (message: OverlayMessage, now: number, from = previousHop): OverlayEffect[] =>
    node.step({ type: 'message', from, message }, now);
  /** What it does by itself until then. */
  const until = (limit: number): OverlayEffect[] => {
    const effects: OverlayEffect[] = [];
    for (let now = node.nextDeadline(); now <= limit; now = node.nextDeadline()) {
      effects.push(...node.step({ type: 'tick' }, now));
    }
    return effects;
  };
  return { sent, hears, until };
}

describe('a lookup that comes to its root', () => {
  it('is acknowledged to the hop before and answered to the origin, with the way that it took', () => {
    const { sent, hears } = root();
    const effects = hears(lookup, 1);
    expect(sent(effects, 'ack')).toMatchObject([{ to: previousHop, message: { messageId: 5 } }]);
    expect(sent(effects, 'found')).toMatchObject([{ to: origin, message: { requestId: 6, path: [900, 800, 100] } }]);
  });

  it('is answered once, although each copy is acknowledged', () => {
    const { sent, hears } = root();
    hears(lookup, 1);
    const effects = hears({ ...lookup, messageId: 7 }, 2);
    expect(sent(effects, 'ack')).toMatchObject([{ message: { messageId: 7 } }]);
    expect(sent(effects, 'found')).toEqual([]);
  });

  it('is answered again until the origin acknowledges the answer, but not for ever', () => {
    const { sent, hears, until } = root();
    hears(lookup, 1);
    expect(sent(until(60_000), 'found').length).toBe(2);

    const other = root();
    const [answer] = other.sent(other.hears(lookup, 1), 'found');
    const messageId = answer?.message.type === 'found' ? answer.message.messageId : 0;
    other.hears({ type: 'ack', messageId }, 2, origin);
    expect(other.sent(other.until(60_000), 'found')).toEqual([]);
  });

  it('is dropped if it has been through as many nodes as the hop limit', () => {
    const { sent, hears } = root();
    const path = Array.from({ length: DEFAULT_OVERLAY_PARAMETERS.hopLimit }, (_, i) => (1_000 + i) as NodeId);
    const effects = hears({ ...lookup, path }, 1);
    expect(sent(effects, 'found')).toEqual([]);
    expect(effects).toContainEqual({ type: 'observe', fact: { kind: 'dropped', why: 'hop-limit' } });
  });
});
