import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { Contact } from '../../src/id/contact.ts';
import type { OverlayMessage } from '../../src/overlay/messages.ts';
import { OverlayNode } from '../../src/overlay/overlay-node.ts';
import { DEFAULT_OVERLAY_PARAMETERS } from '../../src/overlay/parameters.ts';
import { contactOf } from './helpers.ts';

/** A node that is alone on its ring, and what it sends in answer to messages. */
function lonelyNode() {
  const node = new OverlayNode(contactOf(100), DEFAULT_OVERLAY_PARAMETERS, seededRandom(1));
  node.step({ type: 'start', seeds: [] }, 0);
  const tell = (from: Contact, message: OverlayMessage) =>
    node.step({ type: 'message', from, message }, 1).flatMap((effect) => (effect.type === 'send' ? [effect] : []));
  const probe = (from: Contact) =>
    tell(from, { type: 'probe', messageId: 7, exchange: true, active: true, nearer: false, contacts: [], dead: [] });
  /** A newcomer that probes the node, and acknowledges its reply. */
  const arrive = (from: Contact) => {
    for (const { message } of probe(from))
      if (message.type === 'probe-reply') tell(from, { type: 'ack', messageId: message.replyId });
  };
  return { node, tell, probe, arrive };
}

describe('of two peers that were given one node id', () => {
  const earlier: Contact = { ...contactOf(200), peerId: 'earlier', serial: 1 };
  const later: Contact = { ...contactOf(200), peerId: 'later', serial: 2 };
  const goodbye: OverlayMessage = { type: 'goodbye', forGood: true, contacts: [] };

  it('the earlier one is not listened to, and cannot make the later one go', () => {
    const { node, tell, probe, arrive } = lonelyNode();
    arrive(later);
    expect(node.leafSet()).toEqual([later]);
    expect(probe(earlier)).toEqual([]);
    expect(tell(earlier, { type: 'heartbeat', active: true })).toEqual([]);
    expect(tell(earlier, goodbye)).toEqual([]);
    expect(node.leafSet()).toEqual([later]);
    tell(later, goodbye);
    expect(node.leafSet()).toEqual([]);
  });

  it('the later one takes the place once it has proven itself, whether the earlier one is thought alive or has stopped', () => {
    for (const stopped of [false, true]) {
      const { node, tell, probe, arrive } = lonelyNode();
      arrive(earlier);
      if (stopped) tell(earlier, { ...goodbye, forGood: false });
      expect(node.leafSet()).toEqual(stopped ? [] : [earlier]);
      expect(probe(later)).toMatchObject([{ to: later, message: { type: 'probe-reply' } }]);
      expect(node.leafSet()).toEqual([]);
      arrive(later);
      expect(node.leafSet()).toEqual([later]);
    }
  });
});

describe('word of a death', () => {
  const leaf = contactOf(200);
  const teller = contactOf(300);
  const exchange = { type: 'probe', messageId: 7, exchange: true, active: true, nearer: false, contacts: [] } as const;

  /** Whom the node probes when it is told, at 200 ms, that a leaf which it heard at 1 ms was found dead so long ago. */
  function probedFor(agoMs: number): Contact[] {
    const { node, arrive } = lonelyNode();
    arrive(leaf);
    arrive(teller);
    // Nothing is due in between that would look at the leaf for another reason.
    const told = { ...exchange, dead: [{ nodeId: leaf.nodeId, agoMs }] };
    const effects = node.step({ type: 'message', from: teller, message: told }, 200);
    return effects.flatMap((effect) =>
      effect.type === 'send' && effect.message.type === 'probe' && !effect.message.exchange ? [effect.to] : [],
    );
  }

  it('is checked at once', () => {
    expect(probedFor(0)).toEqual([leaf]);
    expect(probedFor(100)).toEqual([leaf]);
  });

  it('is ignored when the node was heard since', () => {
    expect(probedFor(5_000)).toEqual([]);
  });
});
