import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NotPermittedError, StoreError } from '../../src/base/errors.ts';
import {
  ARRIVED_PER_NOTICE_MAX,
  decodeDiscoveryAnswer,
  decodeDiscoveryRequest,
  encodeDiscoveryReply,
  encodeDiscoveryRequest,
  NOTICE_BYTES_MAX,
  type DiscoveryRequest,
} from '../../src/wire/discovery.ts';
import { DiscoveryAnswer, DiscoveryRequest as WireRequest } from '../../src/wire/generated/discovery.ts';
import { signMemberList } from '../../src/wire/membership.ts';
import { makeCertificate, makeContact, makeNetwork, space } from './signing.ts';

const addrs = ['/ip4/127.0.0.1/tcp/4001'];
const nothing = new Uint8Array(0);

describe('a discovery request', () => {
  it('comes back as it was sent', () => {
    const requests: DiscoveryRequest[] = [
      { type: 'register', addrs, wantedId: space.position(0), certificate: Uint8Array.of(1, 2) },
      { type: 'register', addrs: [], wantedId: undefined, certificate: nothing },
      { type: 'stop' },
      { type: 'leave' },
      { type: 'random-peer', except: ['12D3KooW'] },
      { type: 'members' },
      { type: 'subscribe', addrs },
      { type: 'renew', addrs },
    ];
    for (const request of requests) {
      expect(decodeDiscoveryRequest(encodeDiscoveryRequest(request), space)).toEqual(request);
    }
  });

  it('with a part out of range is refused', () => {
    const wrong: [string, Partial<WireRequest>][] = [
      ['unknown type', {}],
      ['wanted node id', { register: { addrs, wantedId: 65536, certificate: nothing } }],
      ['certificate', { register: { addrs, certificate: new Uint8Array(5000) } }],
      ['multiaddr', { register: { addrs: ['x'], certificate: nothing } }],
      ['too many addresses', { renew: { addrs: Array.from({ length: 17 }, () => '/ip4/127.0.0.1/tcp/1') } }],
      ['too many peers', { randomPeer: { except: Array.from({ length: 65 }, () => 'x') } }],
      ['too long', { randomPeer: { except: ['x'.repeat(65)] } }],
    ];
    for (const [what, fields] of wrong) {
      expect(() => decodeDiscoveryRequest(WireRequest.encode(fields), space)).toThrow(new RegExp(what));
    }
  });

  it('of arbitrary bytes is refused by name, or a request', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeDiscoveryRequest(bytes, space);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a discovery answer', () => {
  it('to a registration comes back opened, beside the bytes that were signed', async () => {
    const network = await makeNetwork();
    const { certificate, envelope } = await makeCertificate(network);
    const list = { networkId: network.networkId, epoch: 4, members: [] };
    const signed = {
      certificate: envelope,
      parameters: network.parameters,
      memberList: signMemberList(network.key, list),
    };
    const seeds = [await makeContact(network)];
    const answer = decodeDiscoveryAnswer(
      encodeDiscoveryReply({ type: 'registered', seeds, ...signed }),
      network.reader,
    );
    expect(answer).toEqual({ type: 'registered', certificate, memberList: list, seeds, signed });
  });

  it('with anything of another network in it is refused', async () => {
    const [ours, theirs] = [await makeNetwork(), await makeNetwork()];
    const list = signMemberList(ours.key, { networkId: ours.networkId, epoch: 4, members: [] });
    const foreignList = signMemberList(theirs.key, { networkId: ours.networkId, epoch: 4, members: [] });
    const good = {
      certificate: (await makeCertificate(ours)).envelope,
      parameters: ours.parameters,
      memberList: list,
      seeds: [await makeContact(ours)],
    };
    const wrong = [
      { certificate: (await makeCertificate(theirs)).envelope },
      { certificate: (await makeCertificate(ours, { role: 'discovery' })).envelope },
      { parameters: theirs.parameters },
      { memberList: foreignList },
      { seeds: [await makeContact(theirs)] },
    ];
    decodeDiscoveryAnswer(encodeDiscoveryReply({ type: 'registered', ...good }), ours.reader);
    for (const fields of wrong) {
      const reply = encodeDiscoveryReply({ type: 'registered', ...good, ...fields });
      expect(() => decodeDiscoveryAnswer(reply, ours.reader)).toThrow(StoreError);
    }
    const peer = encodeDiscoveryReply({ type: 'peer', contact: await makeContact(theirs) });
    expect(() => decodeDiscoveryAnswer(peer, ours.reader)).toThrow(/another network/);
    const members = encodeDiscoveryReply({ type: 'members', memberList: foreignList, present: [] });
    expect(() => decodeDiscoveryAnswer(members, ours.reader)).toThrow(/another network/);
  });

  it('brings a failure over with its code and text', async () => {
    const { reader } = await makeNetwork();
    const reply = encodeDiscoveryReply({ type: 'failure', error: new NotPermittedError('the id is taken') });
    const answer = decodeDiscoveryAnswer(reply, reader);
    expect(answer.type === 'failure' && answer.error).toMatchObject({
      code: 'NOT_PERMITTED',
      message: 'the id is taken',
    });
  });

  it('is a notice of bounded length', async () => {
    const network = await makeNetwork();
    const longAddrs = Array.from({ length: 16 }, () => `/dns4/${'a'.repeat(240)}/tcp/4001`);
    const contact = await makeContact(network, longAddrs);
    const full = Array.from({ length: ARRIVED_PER_NOTICE_MAX }, () => contact);
    const notice = encodeDiscoveryReply({ type: 'presence', epoch: Number.MAX_SAFE_INTEGER, arrived: full });
    expect(notice.length).toBeLessThanOrEqual(NOTICE_BYTES_MAX);
    decodeDiscoveryAnswer(notice, network.reader);
    const overfull = encodeDiscoveryReply({ type: 'presence', epoch: 1, arrived: [...full, contact] });
    expect(() => decodeDiscoveryAnswer(overfull, network.reader)).toThrow(/too many contacts/);
  });

  it('of arbitrary bytes is refused by name, or an answer', async () => {
    const { reader } = await makeNetwork();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          decodeDiscoveryAnswer(bytes, reader);
        } catch (error) {
          expect(error).toBeInstanceOf(StoreError);
        }
      }),
      { numRuns: 500 },
    );
    expect(() => decodeDiscoveryAnswer(DiscoveryAnswer.encode({}), reader)).toThrow(/unknown type/);
  });
});
