import { describe, expect, it } from 'vitest';
import { BadMessageError } from '../../src/base/errors.ts';
import { bareAddrs, encodeContact } from '../../src/wire/contact.ts';
import { CONTACT_BYTES_MAX } from '../../src/wire/limits.ts';
import { flipped, makeCertificate, makeContact, makeNetwork } from './signing.ts';

describe('a contact', () => {
  it('comes back as it was sent', async () => {
    const network = await makeNetwork();
    const contact = await makeContact(network);
    expect(network.reader.contact(encodeContact(contact))).toEqual(contact);
  });

  it('has node id and PeerId from its certificate alone', async () => {
    const network = await makeNetwork();
    const contact = await makeContact(network);
    const claiming = { ...contact, nodeId: network.reader.idSpace.position(1), peerId: 'somebody else' };
    expect(network.reader.contact(encodeContact(claiming))).toEqual(contact);
  });

  it('of another network, or of no peer, is refused', async () => {
    const [ours, theirs] = [await makeNetwork(), await makeNetwork()];
    const foreign = encodeContact(await makeContact(theirs));
    expect(() => ours.reader.contact(foreign)).toThrow(/another network/);
    const { envelope } = await makeCertificate(ours, { role: 'discovery' });
    expect(() => ours.reader.contactOf(envelope, [])).toThrow(/not a peer/);
  });

  it('is refused with any byte of its certificate changed, also after the true one was seen', async () => {
    const network = await makeNetwork();
    const { certificate } = await makeContact(network);
    network.reader.contactOf(certificate, []);
    for (let index = 0; index < certificate.length; index++) {
      const opening = () => network.reader.contactOf(flipped(certificate, index, index % 8), []);
      expect(opening).toThrow(BadMessageError);
    }
  });

  it('leaves out addresses that would make it too large', async () => {
    const network = await makeNetwork();
    const addrs = Array.from({ length: 16 }, (_, i) => `/dns4/${'a'.repeat(200)}${String(i)}.example/tcp/4001`);
    const encoded = encodeContact(await makeContact(network, addrs));
    expect(encoded.length).toBeLessThanOrEqual(CONTACT_BYTES_MAX);
    const received = network.reader.contact(encoded);
    expect(received.addrs.length).toBeGreaterThan(3);
    expect(received.addrs).toEqual(addrs.slice(0, received.addrs.length));
  });

  it('has addresses without the PeerId', () => {
    expect(bareAddrs(['/ip4/192.0.2.7/tcp/4001/p2p/12D3KooW', '/ip4/192.0.2.7/tcp/4001'])).toEqual([
      '/ip4/192.0.2.7/tcp/4001',
      '/ip4/192.0.2.7/tcp/4001',
    ]);
  });
});
