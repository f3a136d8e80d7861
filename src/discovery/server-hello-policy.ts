/**
 * Whom the discovery peer talks to: anybody who knows no network yet, or this one. A peer may show the certificate that
 * it holds; only the one that the registry issued last makes it a contact. With an older one, or none, all it may do is
 * to register, which is what a restored or new directory needs to do anyway.
 */

import { equalBytes } from '../base/bytes.ts';
import { HelloRefusedError, NetworkChangedError } from '../base/errors.ts';
import type { HelloPolicy } from '../net/hello.ts';
import type { RemoteIdentity } from '../net/link.ts';
import type { ContactReader } from '../wire/contact.ts';
import { decodeHello, encodeHello } from '../wire/hello.ts';
import type { Admission } from './admission.ts';
import { AGENT, foreignNetwork } from './hello-policy.ts';

export type ServerHelloOptions = {
  readonly reader: ContactReader;
  readonly admission: Admission;
  readonly certificate: Uint8Array;
  readonly parametersEnvelope: Uint8Array;
  readonly addrs: () => readonly string[];
};

export function serverHelloPolicy(options: ServerHelloOptions): HelloPolicy {
  const { reader, admission, certificate, parametersEnvelope, addrs } = options;
  return {
    greeting: () =>
      encodeHello({
        networkId: reader.networkId,
        role: 'discovery',
        certificate,
        addrs: addrs(),
        agent: AGENT,
        parameters: parametersEnvelope,
      }),

    judge(remotePeerId: string, bytes: Uint8Array): RemoteIdentity {
      const hello = decodeHello(bytes);
      if (hello.networkId.length > 0 && !equalBytes(hello.networkId, reader.networkId)) {
        throw new NetworkChangedError(foreignNetwork(reader.networkId, hello.networkId));
      }
      if (hello.role === 'discovery') throw new HelloRefusedError('this is a discovery peer, too');
      if (hello.role === 'client' || hello.certificate.length === 0) return { peerId: remotePeerId, role: hello.role };
      const held = reader.certificate(hello.certificate);
      if (held.peerId !== remotePeerId || held.role !== 'peer') {
        throw new HelloRefusedError(`the certificate shown is ${held.peerId}'s, not that of ${remotePeerId}`);
      }
      const contact = reader.contactOf(hello.certificate, hello.addrs);
      const current = admission.member(remotePeerId)?.serial === held.serial;
      return current ? { peerId: remotePeerId, role: 'peer', contact } : { peerId: remotePeerId, role: 'peer' };
    },
  };
}
