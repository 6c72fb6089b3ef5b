import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Serial number of the certificate that a new connection to the node's MySQL port is shown. */
export function shownSerial(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const plain = connectPlain(3306, host).on('error', reject);
    plain.once('data', () => {
      // An SSLRequest: the length, the packet's number, the capabilities PROTOCOL_41, SSL and SECURE_CONNECTION, and zeros.
      const request = Buffer.alloc(36);
      request.writeUIntLE(32, 0, 3);
      request[3] = 1;
      request.writeUInt32LE(0x200 | 0x800 | 0x8000, 4);
      plain.write(request);
      plain.removeAllListeners('data');
      const secure = connectTls({ socket: plain, rejectUnauthorized: false }, () => {
        resolve(secure.getPeerCertificate().serialNumber);
        plain.destroy();
      }).on('error', reject);
    });
  });
}
